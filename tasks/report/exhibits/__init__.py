"""The page's sections: one file each, from the gathered data to an `Exhibit`."""
