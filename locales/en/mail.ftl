# Words of the mails. Each file of this name in the other languages has the same keys.

mail-greeting = Hello { $name },
