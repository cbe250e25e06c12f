"""The gallery: a web page and a contact sheet that show the stamps of a data set."""
