mail-greeting = Guten Tag { $name },

mail-invitation-subject = Sie sind zu { $organization } eingeladen
mail-invitation-heading = Sie sind zu { $organization } eingeladen
mail-invitation-body = { $organization } lädt Sie zu Voxanne ein, wo die Anrufe der Praxis aufbewahrt werden.
mail-invitation-button = Einladung annehmen
mail-invitation-note = Der Link gilt { $days } Tage und nur einmal. Wenn Sie { $organization } nicht kennen, ignorieren Sie diese Nachricht.

mail-password-changed-subject = Ihr Passwort wurde geändert
mail-password-changed-heading = Ihr Passwort wurde geändert
mail-password-changed-body = Das Passwort Ihres Kontos wurde geändert, und alle anderen Browser und Programme wurden abgemeldet. Wenn Sie das waren, ist nichts zu tun.
mail-password-changed-button = Das war ich nicht: neues Passwort setzen
mail-password-changed-note = Sie erhalten diese Nachricht, weil sie die Sicherheit Ihres Kontos betrifft.

mail-reset-subject = Neues Passwort setzen
mail-reset-heading = Neues Passwort setzen
mail-reset-body = Jemand, vermutlich Sie, hat ein neues Passwort für Ihr Konto angefordert.
mail-reset-button = Neues Passwort setzen
mail-reset-note = Der Link funktioniert einmal, eine Stunde lang. Wenn Sie ihn nicht angefordert haben, ignorieren Sie diese Nachricht: Ihr Passwort bleibt, wie es ist.
