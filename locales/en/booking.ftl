# Words of booking a demonstration, on pages and in mails.
