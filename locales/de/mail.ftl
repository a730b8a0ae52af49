mail-greeting = Guten Tag { $name },
