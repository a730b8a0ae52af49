# Words of the public site.

## every page

site-skip = Zum Inhalt springen
site-suggest = Diese Seite auf Deutsch lesen
site-nav-main = Hauptnavigation
site-nav-menu = Menü
site-nav-foot = Weitere Seiten
site-nav-language = Sprache
site-nav-how = So funktioniert es
site-nav-pricing = Preise
site-nav-security = Sicherheit
site-nav-privacy = Datenschutz
site-nav-terms = Nutzungsbedingungen
site-nav-sign-in = Anmelden
site-book = Demo buchen
site-look = Aussehen der Seiten
site-look-system = Gerät
site-look-light = Hell
site-look-dark = Dunkel
site-foot-line = Ein automatischer Telefonempfang für Praxen und Kliniken.
site-nav-chat = Chat
site-close = Schließen
site-wait = Einen Moment

## landing

site-home-title = Abgehoben vor dem zweiten Klingeln
site-home-description = { $name } nimmt jeden Anruf Ihrer Praxis an, vergibt den Termin und verbindet mit Ihrem Team, wenn ein Mensch gebraucht wird.
site-home-hear = Beispielanruf anhören, { $length }
site-home-note = Läuft auf einem Server Ihrer Wahl. Anrufende erfahren, dass sie mit einer Maschine sprechen.
site-home-what = Was es am Telefon tut
site-home-answer-h = Geht ran
site-home-answer = Mittags, nachts und wenn alle Leitungen besetzt sind. Es begrüßt im Namen Ihrer Praxis und fragt nach dem Anliegen.
site-home-book-h = Vergibt Termine
site-home-book = Es bietet Zeiten an, die Sie freigeben, prüft Name und Nummer und wiederholt den Termin, bevor es auflegt.
site-home-pass-h = Verbindet weiter
site-home-pass = Wenn jemand Schmerzen hat, aufgebracht ist oder einen Menschen verlangt, bekommt Ihr Team den Anruf, samt dem bisher Gesagten.
site-home-see = Was Ihr Team sieht
site-home-see-live = Anrufe, während sie laufen, mit den Worten, sobald sie fallen.
site-home-see-list = Jeden Anruf danach: wer angerufen hat, was daraus wurde, was gesagt wurde, was er gekostet hat.
site-home-see-missed = Was einen Menschen braucht: abgebrochene Anrufe und Anrufende, die zurückgerufen werden möchten.
site-home-end = Sehen Sie, wie es bei Ihnen rangeht
site-home-end-text = Jemand aus unserem Team richtet vor Ihren Augen einen Empfang für Ihre Praxis ein, dann rufen Sie dort an.

## the sample call

site-sample-title = Zahnreinigung, Termin vergeben
site-sample-label = Beispiel
site-sample-spoken = Die Personen sind erfunden, und ein Computer spricht beide Rollen.
site-sample-tones = Die Personen sind erfunden. Töne stehen für die Stimmen; die Worte stehen darunter.
site-sample-player = Beispielanruf
site-sample-caller = Anruferin
site-sample-1 = Zahnarztpraxis am Hafen, hier ist der automatische Empfang. Wie kann ich helfen?
site-sample-2 = Guten Tag, hier ist Hanna Weber. Ich brauche eine Zahnreinigung, am liebsten diese Woche.
site-sample-3 = Gern, Frau Weber. Darf ich Ihr Geburtsdatum prüfen?
site-sample-4 = Neunter März neunundachtzig.
site-sample-5 = Danke. Frei ist Donnerstag um zehn nach neun oder Freitag um halb drei.
site-sample-6 = Donnerstagmorgen passt wunderbar.
site-sample-7 = Sie sind eingetragen für Donnerstag, zehn nach neun. Noch etwas?
site-sample-8 = Nein, das war alles. Danke.

## how it works

site-how-description = Vom ersten Klingeln bis zur Notiz für Ihr Team: was geschieht, wenn { $name } abhebt, und was Menschen überlassen bleibt.
site-how-1-h = Ihre Nummer bleibt Ihre Nummer
site-how-1 = Sie leiten Ihre Leitung weiter, immer oder nur, wenn niemand abhebt. Ein Sprachdienst nimmt den Anruf an, und { $name } gibt ihm vor, was Ihr Empfang sagen und tun darf.
site-how-2-h = Es sagt, was es ist
site-how-2 = Der erste Satz nennt Ihre Praxis und sagt, dass der Empfang automatisch ist und ob aufgezeichnet wird.
site-how-3-h = Es fragt, sucht und bietet an
site-how-3 = Es klärt das Anliegen, sucht nach Ihren Regeln eine freie Zeit und liest die Wahl vor, bevor es bucht.
site-how-4-h = Es gibt ab
site-how-4 = Notfälle, Beschwerden und was Sie sonst bestimmen, gehen an einen Menschen. Ist niemand da, wird ein Rückruf versprochen, und Ihr Team sieht dieses Versprechen.
site-how-5-h = Nichts geht verloren
site-how-5 = Worte, Ergebnis, Dauer und Kosten jedes Anrufs werden gespeichert, bevor ihr Eingang bestätigt wird. Fällt eine Verbindung aus, kommen sie noch einmal und zählen einmal.
site-how-not = Was es nicht tut
site-how-not-1 = Es gibt keinen medizinischen Rat und stellt keine Diagnose.
site-how-not-2 = Es gibt sich nicht als Mensch aus.
site-how-not-3 = Es versteht nicht jeden jedes Mal. Dann sagt es das und bietet einen Menschen an.

## pricing

site-pricing-title = Preise
site-pricing-description = Was { $name } kostet und was enthalten ist.
site-pricing-request = Preise auf Anfrage
site-pricing-request-text = Was es kostet, hängt davon ab, wie viele Leitungen Sie haben und wie oft sie klingeln. Sagen Sie es uns in einer Demo, und Sie erhalten einen Preis schriftlich, ohne Frist.
site-pricing-month = im Monat
site-pricing-year = im Jahr
site-pricing-call = pro Anruf
site-pricing-minute = pro Minute
site-pricing-setup = { $amount } einmalig für die Einrichtung
site-pricing-includes = Was { $plan } enthält
site-pricing-note = Der Sprachdienst berechnet die Minuten am Telefon. Jeder Anruf zeigt, was er gekostet hat.

## security

site-security-title = Sicherheit
site-security-description = Was { $name } speichert, wo es liegt, wer es sehen kann und was wir nicht behaupten.
site-security-table = Was gespeichert wird und wo
site-security-what = Was
site-security-where = Wo
site-security-who = Wer es sieht
site-security-calls = Anrufe: Nummer, Worte, Ergebnis, Kosten
site-security-calls-where = In einer PostgreSQL-Datenbank auf dem Server des Betreibers
site-security-calls-who = Mitglieder dieser Praxis
site-security-keys = Zugangsdaten des Sprachdienstes
site-security-keys-where = In der Datenbank, verschlüsselt mit einem Schlüssel, der außerhalb liegt
site-security-keys-who = Niemand; sie lassen sich ersetzen, nicht lesen
site-security-passwords = Passwörter
site-security-passwords-where = Als argon2id-Prüfwerte; das Passwort selbst wird nicht gespeichert
site-security-passwords-who = Niemand
site-security-demos = Demo-Buchungen: Name, E-Mail, Praxis, Telefon
site-security-demos-who = Das Team des Betreibers
site-security-apart-h = Die Datenbank trennt die Praxen
site-security-apart = Jede Zeile gehört einer Praxis, und die Datenbank selbst verweigert die einer anderen, selbst wenn unser Programm irrtümlich danach fragt. Tests versuchen es für jede Tabelle und jede Adresse.
site-security-trace-h = Änderungen hinterlassen eine Spur
site-security-trace = Wer wen eingeladen, eine Rolle geändert, einen Schlüssel erzeugt oder Zugangsdaten ersetzt hat, wird zusammen mit der Änderung festgehalten.
site-security-pages-h = Die Seiten führen nichts Fremdes aus
site-security-pages = Kein Tracker, keine Werbung, keine Schrift und kein Skript einer anderen Firma. Die einzigen Cookies dieser Website merken sich Ihre Sprache und ob Sie es dunkel mögen.
site-security-claims-h = Was wir nicht behaupten
site-security-claims = Diese Seite nennt kein Zertifikat, weil die Software keines mitbringt. Regeln für Gesundheitsdaten unterscheiden sich je nach Land; fragen Sie uns, was bei Ihnen gilt, bevor Sie eine Leitung anschließen.

## privacy and terms: a template that the operator completes

site-legal-draft = Diese Seite ist eine Vorlage. Der Betreiber hat sie noch nicht ausgefüllt, und sie gilt noch nicht.
site-legal-company = [Firma]
site-legal-address = [Anschrift]
site-legal-email = [E-Mail für Datenschutz]
site-legal-law = [Land]
site-legal-updated = Zuletzt geändert am { $date }
site-privacy-title = Datenschutz
site-privacy-description = Was diese Website und { $name } mit personenbezogenen Daten tun.
site-privacy-who-h = Wer verantwortlich ist
site-privacy-who = { $company }, { $address }. Fragen zum Datenschutz: { $email }.
site-privacy-visit-h = Wenn Sie diese Website besuchen
site-privacy-visit = Der Server notiert Adresse, Zeit und Ergebnis einer Anfrage ohne deren Absender und zählt kurz die Anfragen einer Netzadresse, damit ihn niemand überflutet. Zwei Cookies merken sich Sprache und Aussehen, wenn Sie sie wählen. Nichts wird über Sie gemessen, nichts weitergegeben.
site-privacy-book-h = Wenn Sie eine Demo buchen
site-privacy-book = Wir speichern Name, E-Mail, Praxis, Telefon und was Sie uns schreiben, um die Demo durchzuführen und Ihnen zu antworten. Ein Mail-Dienst stellt Ihnen unsere Nachrichten zu.
site-privacy-calls-h = Wenn Sie eine Praxis anrufen, die { $name } nutzt
site-privacy-calls = Die Praxis entscheidet, was mit dem Anruf geschieht, und wir arbeiten in ihrem Auftrag. Nummer, Worte und Ergebnis werden für diese Praxis gespeichert; ein Sprachdienst macht aus Sprache Text. Wenden Sie sich an die Praxis, um sie einzusehen oder löschen zu lassen.
site-privacy-chat-h = Wenn Sie den Chat öffnen
site-privacy-chat = Den Chat betreibt Intercom. Von dort wird nichts geladen, bis Sie auf den Knopf drücken; ab dann gelten auch die Regeln von Intercom.
site-privacy-keep-h = Wie lange wir es behalten
site-privacy-keep = Buchungen, solange sie Ihnen und uns nützen und solange das Gesetz es verlangt. Anrufe so lange, wie die Praxis es festgelegt hat.
site-privacy-rights-h = Ihre Rechte
site-privacy-rights = Sie können erfahren, was wir über Sie gespeichert haben, es berichtigen oder löschen lassen, eine Kopie erhalten und widersprechen. Schreiben Sie an { $email }. Sie können sich auch bei der Datenschutzbehörde an Ihrem Wohnort beschweren.
site-terms-title = Nutzungsbedingungen
site-terms-description = Die Bedingungen, zu denen { $name } angeboten wird.
site-terms-who-h = Zwischen wem
site-terms-who = Diese Bedingungen gelten zwischen { $company }, { $address }, und der Praxis oder Klinik, die { $name } nutzt.
site-terms-service-h = Was Sie bekommen
site-terms-service = Einen automatischen Empfang für die Leitungen, die Sie anschließen, und Seiten, auf denen Ihr Team seine Anrufe verfolgt. Umfang und Preis stehen in Ihrem Auftrag.
site-terms-yours-h = Was Ihre Sache ist
site-terms-yours = Sie bestimmen, was der Empfang sagt, behalten Ihre Zugänge für sich, sagen Anrufenden, was Ihr Recht verlangt, und dürfen über die angeschlossenen Nummern verfügen.
site-terms-emergency-h = Nicht für Notfälle
site-terms-emergency = Der Dienst ist kein Notruf und ersetzt keinen. Sorgen Sie dafür, dass Anrufende in Gefahr erfahren, wen sie anrufen sollen.
site-terms-limits-h = Wenn etwas ausfällt
site-terms-limits = Telefonnetze, der Sprachdienst und unser Server können ausfallen. Was an uns liegt, beheben wir so schnell wie möglich. Alles Weitere ergibt sich aus dem Gesetz und Ihrem Auftrag.
site-terms-end-h = Beenden
site-terms-end = Sie können zum Ende jedes bezahlten Zeitraums aufhören. Sie erhalten Ihre Anrufe als Datei, bevor sie gelöscht werden.
site-terms-law-h = Recht
site-terms-law = Es gilt das Recht des folgenden Landes: { $law }.

## chat

site-chat-title = Mit uns chatten
site-chat-description = Schreiben Sie mit jemandem aus dem Team von { $name }.
site-chat-before = Den Chat betreibt Intercom. Von dort wird nichts geladen, bis Sie ihn starten.
site-chat-start = Chat starten
site-chat-starting = Chat wird gestartet
site-chat-open = Der Chat ist in der Ecke dieser Seite geöffnet.
site-chat-failed = Der Chat ist gerade nicht verfügbar. Sie erreichen uns wie unten angegeben.
site-chat-script = Der Chat braucht JavaScript. Ohne erreichen Sie uns wie unten angegeben.
site-chat-else = Andere Wege

## problems

site-problem-missing-h = Diese Seite gibt es nicht
site-problem-missing = Die Adresse ist vielleicht vertippt, oder die Seite ist umgezogen.
site-problem-failed-h = Etwas ist schiefgegangen
site-problem-failed = Es liegt an uns und ist notiert. Was Sie getan haben, wurde vielleicht nicht gespeichert.
site-problem-away-h = Einen Moment nicht verfügbar
site-problem-away = Ein Teil des Servers antwortet nicht. Bitte versuchen Sie es gleich noch einmal.
site-problem-busy-h = Zu viele Versuche
site-problem-busy = Bitte warten Sie etwas und versuchen Sie es noch einmal.
site-problem-odd-h = Nicht verstanden
site-problem-odd = In der Adresse oder im Formular stimmt etwas nicht. Nichts wurde geändert.
site-problem-request = Anfrage { $id }
site-problem-home = Zur Startseite
