mail-greeting = Olá, { $name },
