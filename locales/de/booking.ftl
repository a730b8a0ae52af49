# Words of booking a demonstration, on pages and in mails.

booking-weekday = { $number ->
       [1] Montag
       [2] Dienstag
       [3] Mittwoch
       [4] Donnerstag
       [5] Freitag
       [6] Samstag
      *[7] Sonntag
    }
booking-weekday-short = { $number ->
       [1] Mo
       [2] Di
       [3] Mi
       [4] Do
       [5] Fr
       [6] Sa
      *[7] So
    }
booking-month = { $number ->
       [1] Januar
       [2] Februar
       [3] März
       [4] April
       [5] Mai
       [6] Juni
       [7] Juli
       [8] August
       [9] September
       [10] Oktober
       [11] November
      *[12] Dezember
    }
booking-month-short = { $number ->
       [1] Jan.
       [2] Feb.
       [3] März
       [4] Apr.
       [5] Mai
       [6] Juni
       [7] Juli
       [8] Aug.
       [9] Sep.
       [10] Okt.
       [11] Nov.
      *[12] Dez.
    }
booking-date = { $weekday }, { $day }. { $month }
booking-date-with-year = { $date } { $year }
booking-date-short = { $day }. { $month }
booking-span = { $from } bis { $until } { $zone }
booking-moment = { $date }, { $span }
booking-fault-missing = Bitte ausfüllen.
booking-fault-missing-name = Geben Sie Ihren Namen ein.
booking-fault-missing-email = Geben Sie Ihre E-Mail-Adresse ein.
booking-fault-missing-clinic = Geben Sie den Namen Ihrer Praxis ein.
booking-fault-missing-phone = Geben Sie Ihre Telefonnummer ein.
booking-fault-too-long = Höchstens { $most } Zeichen.
booking-fault-unprintable = Entfernen Sie Zeilenumbrüche und unsichtbare Zeichen.
booking-fault-several-addresses = Geben Sie nur eine E-Mail-Adresse ein.
booking-fault-not-an-address = Geben Sie eine Adresse wie name@example.com ein.
booking-fault-no-ending = Dieser Adresse fehlt die Endung, zum Beispiel .com.
booking-fault-no-country = Wählen Sie ein Land, oder beginnen Sie mit + und der Landesvorwahl.
booking-fault-not-a-phone = Unter dieser Nummer ist niemand zu erreichen. Prüfen Sie sie, oder beginnen Sie mit + und der Landesvorwahl.
booking-fault-link = Bitte keine Webadresse in dieses Feld.
booking-name = Ihr Name
booking-email = Geschäftliche E-Mail
booking-clinic = Praxis
booking-phone = Telefon
booking-country = Land der Nummer
booking-country-other = Anderes: mit + beginnen
booking-clinic-type = Art der Praxis
booking-goal = Was soll es für Sie tun?
booking-notes = Was wir noch wissen sollten
booking-optional = freiwillig
booking-none-chosen = Keine Angabe
booking-type-dental = Zahnmedizin
booking-type-medical = Medizin
booking-type-aesthetic = Ästhetik
booking-type-veterinary = Tiermedizin
booking-type-other = Andere
booking-goal-bookings = Mehr Termine
booking-goal-automate = Anrufe automatisch annehmen
booking-goal-cost = Den Empfang entlasten
booking-time = Zeit
booking-their-time = Zeit beim Interessenten
booking-language = Sprache
booking-no-time = Ohne Zeit: möchte angerufen werden
booking-mail-booked = Ihre Vorführung ist gebucht
booking-mail-booked-line = wir freuen uns darauf, Ihnen { $name } zu zeigen. Der Kalendereintrag liegt bei.
booking-mail-asked = Wir rufen Sie an
booking-mail-asked-line = danke für Ihr Interesse an { $name }. Jemand aus unserem Team ruft Sie an und findet mit Ihnen eine Zeit.
booking-mail-moved = Ihre Vorführung hat eine neue Zeit
booking-mail-moved-line = die Zeit Ihrer Vorführung von { $name } wurde geändert. Der Kalendereintrag liegt bei.
booking-mail-cancelled = Ihre Vorführung ist abgesagt
booking-mail-cancelled-line = Ihre Vorführung von { $name } findet nicht statt.
booking-mail-change = Ansehen, verschieben oder absagen
booking-mail-again = Eine andere Zeit wählen
booking-mail-why = Sie erhalten diese Nachricht, weil mit dieser Adresse eine Vorführung gebucht wurde. Waren Sie es nicht, sagen Sie sie ab, und Sie hören nicht mehr von uns.
booking-mail-subject = { $what }: { $when }
booking-sales-booked = Neue Vorführung: { $clinic }
booking-sales-asked = Rückruf: { $clinic }
booking-sales-moved = Vorführung verschoben: { $clinic }
booking-sales-cancelled = Vorführung abgesagt: { $clinic }
booking-sales-open = Buchung öffnen
booking-calendar-title = Vorführung von { $name }
booking-calendar-text = Ansehen, verschieben oder absagen: { $link }
booking-api-booked = Ihre Vorführung ist gebucht: { $when }.
booking-api-asked = Danke. Jemand von { $name } meldet sich bei Ihnen.
booking-title = Vorführung buchen
booking-description = Wählen Sie eine Zeit für eine Vorführung von { $name }, nach Ihrer Uhr.
booking-lede = Sehen Sie, wie es Ihr Telefon annimmt
booking-about = Jemand aus unserem Team richtet vor Ihren Augen einen Empfang für Ihre Praxis ein, dann rufen Sie ihn an.
booking-point-length = { $minutes } Minuten, per Video oder Telefon
booking-point-question = Bringen Sie eine echte Frage von Anrufern mit
booking-point-invite = Kalendereintrag per E-Mail, mit einem Klick verschieben oder absagen
booking-steps = Schritte
booking-step-time = Zeit wählen
booking-step-details = Ihre Angaben
booking-zone = Zeiten gezeigt für
booking-zone-now = { $city }, jetzt { $time } ({ $zone })
booking-zone-show = Zeiten zeigen
booking-day = Tag
booking-day-full = voll
booking-days-earlier = Frühere Tage
booking-days-later = Spätere Tage
booking-time-on = Zeit am { $date }
booking-next = Weiter: Ihre Angaben
booking-no-slots = Im Moment sind keine Zeiten offen.
booking-contact-link = Keine Zeit passt? Bitten Sie uns um einen Anruf.
booking-contact-title = Um einen Anruf bitten
booking-host-time = Bei uns ist das { $when }.
booking-taken = Diese Zeit wurde gerade vergeben.
booking-not-offered = Diese Zeit wird nicht mehr angeboten.
booking-others = Die nächsten freien Zeiten
booking-pick = Wählen Sie eine Zeit.
booking-change = Ändern
booking-kept = Wir halten diese Zeit bis { $time } für Sie frei.
booking-phone-help = Wir rufen nur an, wenn das Video nicht geht.
booking-phone-help-call = Wir rufen Sie unter dieser Nummer an.
booking-phone-echo = Wir wählen { $number }.
booking-submit = Vorführung buchen
booking-submit-call = Um Anruf bitten
booking-submitting = Wird gebucht …
booking-privacy = Wir nutzen das für die Vorführung.
booking-privacy-link = Datenschutz
booking-errors = Einige Felder brauchen noch einen Blick:
booking-did-you-mean = Meinten Sie { $email }?
booking-trap = Dieses Feld leer lassen
booking-too-fast = Das war schneller, als wir prüfen können. Bitte noch einmal drücken.
booking-automatic = Das sieht nach einem Programm aus. Leeren Sie das versteckte Feld, oder schreiben Sie uns.
booking-too-many = Mit dieser Adresse wurde heute mehrmals gebucht. Nutzen Sie den Link in einer Ihrer E-Mails, oder kommen Sie morgen wieder.
booking-unavailable = Wir konnten Ihre Buchung gerade nicht speichern. Nichts ist verloren: drücken Sie gleich noch einmal.
booking-done = Ihre Vorführung ist gebucht
booking-done-call = Wir rufen Sie an
booking-mail-on-its-way = Eine Bestätigung geht an { $email }.
booking-your-time = Ihre Zeit
booking-our-time = Unsere Zeit
booking-state = Stand
booking-state-booked = Gebucht
booking-state-confirmed = Bestätigt
booking-state-moved = Verschoben
booking-state-over = Vorbei
booking-state-cancelled = Abgesagt
booking-add = Zum Kalender hinzufügen
booking-move = Auf eine andere Zeit verschieben
booking-move-here = Vorführung verschieben
booking-moved = Ihre Vorführung wurde verschoben.
booking-keep = Zeit behalten
booking-cancel = Vorführung absagen
booking-cancel-sure = Die Zeit wird für andere frei. Sie können jederzeit neu buchen.
booking-cancelled = Diese Vorführung ist abgesagt
booking-over = Diese Vorführung hat begonnen oder ist vorbei und kann hier nicht mehr geändert werden.
booking-again = Eine weitere Vorführung buchen
booking-unknown = Unter diesem Link gibt es keine Buchung
booking-unknown-line = Prüfen Sie, ob der Link aus Ihrer E-Mail vollständig kopiert wurde.
