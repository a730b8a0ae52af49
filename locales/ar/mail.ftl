mail-greeting = مرحباً { $name }،
