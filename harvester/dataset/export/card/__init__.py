"""The card of a data set: README.md and CITATION.bib.

``selection_facts`` says what was exported, ``facts`` counts it, ``sections`` makes the
text, ``card`` writes it. ``papers/`` has the BibTeX of label catalogues and software.
Only ``selection_facts`` knows the selection, so that a manifest alone has a card too.
"""
