# Words of the public site.
