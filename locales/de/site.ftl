# Words of the public site.

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
site-home-title = Abgehoben vor dem zweiten Klingeln
site-home-description = { $name } nimmt jeden Anruf Ihrer Praxis an, vergibt den Termin und verbindet mit Ihrem Team, wenn ein Mensch gebraucht wird.
