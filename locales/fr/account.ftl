# Words of the pages around signing in. Each file of this name in the other languages has the same keys.

account-skip = Aller au contenu
account-demonstration = Démonstration : appels simulés
account-email = E-mail
account-password = Mot de passe
account-back = Retour à la connexion
account-password-hint = Au moins { $least } caractères. Quelques mots à la suite se retiennent bien.
account-password-bad = Un mot de passe compte de { $least } à { $most } caractères.

account-signin-title = Se connecter
account-signin-new = Votre nouveau mot de passe est enregistré. Connectez-vous avec celui-ci.
account-signin-forgot = Mot de passe oublié ?
account-signin-none = Pas de compte ? Quelqu’un de votre cabinet peut vous inviter.
account-wrong = L’e-mail ou le mot de passe est incorrect.
account-wait = { $minutes ->
        [one] Trop d’essais. Attendez une minute et réessayez.
       *[other] Trop d’essais. Attendez { $minutes } minutes et réessayez.
    }

account-forgot-title = Mot de passe oublié ?
account-forgot-line = Indiquez l’adresse avec laquelle vous vous connectez : nous vous envoyons un lien pour en choisir un nouveau.
account-forgot-button = Envoyer le lien
account-sent-title = Consultez votre boîte de réception
account-sent-line = S’il existe un compte avec cette adresse, un e-mail avec un lien est en route. Le lien fonctionne une seule fois, pendant une heure.
account-sent-hint = Rien après quelques minutes ? Regardez parmi les messages indésirables, ou demandez à la personne qui gère cette installation.

account-reset-title = Choisir un nouveau mot de passe
account-reset-field = Nouveau mot de passe
account-reset-button = Enregistrer le mot de passe
account-reset-note = Tous les navigateurs et programmes connectés à votre compte seront déconnectés.
account-reset-gone = Ce lien ne fonctionne plus
account-reset-gone-line = Il fonctionne une seule fois, pendant une heure.
account-reset-again = En demander un nouveau

account-join-title = Rejoindre { $organization }
account-join-role = Vous êtes invité en tant que : { $role }
account-join-known = Vous avez déjà un compte avec cette adresse. Connectez-vous avec son mot de passe pour rejoindre.
account-join-name = Votre nom
account-join-choose = Choisissez un mot de passe
account-join-button = Rejoindre
account-join-name-bad = Votre nom doit compter de 1 à { $most } caractères.
account-join-wrong = Le mot de passe est incorrect.
account-join-gone = Cette invitation ne fonctionne plus
account-join-gone-line = Elle a peut-être expiré, été utilisée ou été retirée. Demandez-en une nouvelle à la personne qui l’a envoyée.
account-role-viewer = Lecture seule
account-role-member = Membre
account-role-admin = Administration
account-role-owner = Propriétaire
