"""The member's door: the widget's own API, and the files of the widget itself."""
