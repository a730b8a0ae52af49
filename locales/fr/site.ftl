# Words of the public site.

site-skip = Aller au contenu
site-suggest = Lire cette page en français
site-nav-main = Navigation principale
site-nav-menu = Menu
site-nav-foot = Autres pages
site-nav-language = Langue
site-nav-how = Fonctionnement
site-nav-pricing = Tarifs
site-nav-security = Sécurité
site-nav-privacy = Confidentialité
site-nav-terms = Conditions
site-nav-sign-in = Se connecter
site-book = Réserver une démo
site-look = Apparence des pages
site-look-system = Appareil
site-look-light = Clair
site-look-dark = Sombre
site-foot-line = Un accueil téléphonique automatique pour cliniques et cabinets.
site-home-title = On décroche avant la deuxième sonnerie
site-home-description = { $name } prend chaque appel de votre cabinet, fixe le rendez-vous et passe l’appel à votre équipe quand il faut une personne.
