# Words of the pages around signing in. Each file of this name in the other languages has the same keys.

account-skip = Zum Inhalt springen
account-demonstration = Vorführung: simulierte Anrufe
account-email = E-Mail
account-password = Passwort
account-back = Zurück zur Anmeldung
account-password-hint = Mindestens { $least } Zeichen. Ein paar Wörter hintereinander merkt man sich leicht.
account-password-bad = Ein Passwort hat { $least } bis { $most } Zeichen.

account-signin-title = Anmelden
account-signin-new = Ihr neues Passwort ist gesetzt. Melden Sie sich damit an.
account-signin-forgot = Passwort vergessen?
account-signin-none = Kein Konto? Jemand aus Ihrer Praxis kann Sie einladen.
account-wrong = E-Mail oder Passwort ist falsch.
account-wait = { $minutes ->
        [one] Zu viele Versuche. Warten Sie eine Minute und versuchen Sie es noch einmal.
       *[other] Zu viele Versuche. Warten Sie { $minutes } Minuten und versuchen Sie es noch einmal.
    }

account-forgot-title = Passwort vergessen?
account-forgot-line = Nennen Sie uns die Adresse, mit der Sie sich anmelden. Wir schicken Ihnen einen Link, um ein neues zu setzen.
account-forgot-button = Link senden
account-sent-title = Sehen Sie in Ihr Postfach
account-sent-line = Wenn es ein Konto mit dieser Adresse gibt, ist eine E-Mail mit einem Link unterwegs. Der Link gilt einmal, eine Stunde lang.
account-sent-hint = Nach einigen Minuten noch nichts da? Sehen Sie bei den unerwünschten E-Mails nach oder fragen Sie die Person, die diese Installation betreibt.

account-reset-title = Neues Passwort setzen
account-reset-field = Neues Passwort
account-reset-button = Passwort setzen
account-reset-note = Alle Browser und Programme, die mit Ihrem Konto angemeldet sind, werden abgemeldet.
account-reset-gone = Dieser Link gilt nicht mehr
account-reset-gone-line = Er gilt einmal, eine Stunde lang.
account-reset-again = Einen neuen anfordern

account-join-title = { $organization } beitreten
account-join-role = Sie sind eingeladen als: { $role }
account-join-known = Sie haben ein Konto mit dieser Adresse. Melden Sie sich mit dessen Passwort an, um beizutreten.
account-join-name = Ihr Name
account-join-choose = Passwort wählen
account-join-button = Beitreten
account-join-name-bad = Ihr Name muss 1 bis { $most } Zeichen haben.
account-join-wrong = Das Passwort ist falsch.
account-join-gone = Diese Einladung gilt nicht mehr
account-join-gone-line = Sie ist vielleicht abgelaufen, schon benutzt oder zurückgenommen. Bitten Sie die Person, die sie geschickt hat, um eine neue.
account-role-viewer = Nur lesen
account-role-member = Mitglied
account-role-admin = Verwaltung
account-role-owner = Inhaber
