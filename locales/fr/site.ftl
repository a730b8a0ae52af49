# Words of the public site.

## every page

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
site-nav-chat = Discussion
site-close = Fermer
site-wait = Un instant

## landing

site-home-title = On décroche avant la deuxième sonnerie
site-home-description = { $name } prend chaque appel de votre cabinet, fixe le rendez-vous et passe l’appel à votre équipe quand il faut une personne.
site-home-hear = Écouter un exemple d’appel, { $length }
site-home-note = Fonctionne sur le serveur de votre choix. Les appelants savent qu’ils parlent à une machine.
site-home-what = Ce qu’il fait au téléphone
site-home-answer-h = Il répond
site-home-answer = À midi, la nuit et quand toutes les lignes sont prises. Il accueille les appelants au nom de votre cabinet et demande ce qu’il leur faut.
site-home-book-h = Il fixe les rendez-vous
site-home-book = Il propose les créneaux que vous autorisez, vérifie le nom et le numéro, et répète le rendez-vous avant de raccrocher.
site-home-pass-h = Il transmet
site-home-pass = Quand quelqu’un souffre, s’énerve ou demande une personne, votre équipe reçoit l’appel, avec ce qui a déjà été dit.
site-home-see = Ce que voit votre équipe
site-home-see-live = Les appels en cours, avec les paroles au fur et à mesure.
site-home-see-list = Chaque appel ensuite : qui a appelé, ce qui en est sorti, ce qui a été dit, ce qu’il a coûté.
site-home-see-missed = Ce qui demande une personne : les appels interrompus et les personnes à rappeler.
site-home-end = Voyez-le répondre à votre téléphone
site-home-end-text = Une personne de notre équipe configure un accueil pour votre cabinet sous vos yeux, puis vous l’appelez.

## the sample call

site-sample-title = Détartrage, rendez-vous pris
site-sample-label = Exemple
site-sample-spoken = Les personnes sont inventées et un ordinateur dit les deux rôles.
site-sample-tones = Les personnes sont inventées. Des sons remplacent les voix ; les paroles sont ci-dessous.
site-sample-player = Exemple d’appel
site-sample-caller = Appelante
site-sample-1 = Cabinet dentaire du Port, ici l’accueil automatique. Que puis-je faire pour vous ?
site-sample-2 = Bonjour, c’est Anna Vidal. Il me faudrait un détartrage, si possible cette semaine.
site-sample-3 = Bien sûr, madame Vidal. Puis-je vérifier votre date de naissance ?
site-sample-4 = Le neuf mars quatre-vingt-neuf.
site-sample-5 = Merci. J’ai jeudi à neuf heures dix, ou vendredi à quatorze heures trente.
site-sample-6 = Jeudi matin, c’est parfait.
site-sample-7 = C’est noté pour jeudi à neuf heures dix. Autre chose ?
site-sample-8 = Non, c’est tout. Merci.

## how it works

site-how-description = De la première sonnerie à la note pour votre équipe : ce qui se passe quand { $name } répond, et ce qu’il laisse aux personnes.
site-how-1-h = Votre numéro reste le vôtre
site-how-1 = Vous renvoyez votre ligne, toujours ou seulement quand personne ne décroche. Un opérateur vocal prend l’appel et { $name } lui dit ce que votre accueil peut dire et faire.
site-how-2-h = Il dit ce qu’il est
site-how-2 = La première phrase nomme votre cabinet, précise que l’accueil est automatique et si l’appel est enregistré.
site-how-3-h = Il demande, cherche et propose
site-how-3 = Il comprend le besoin, cherche un créneau libre selon vos règles et relit le choix avant de réserver.
site-how-4-h = Il passe le relais
site-how-4 = Les urgences, les réclamations et tout ce que vous désignez vont à une personne. Si personne n’est là, un rappel est promis et votre équipe voit cette promesse.
site-how-5-h = Rien ne se perd
site-how-5 = Paroles, résultat, durée et coût de chaque appel sont enregistrés avant d’en accuser réception. Si une connexion échoue, ils sont renvoyés et comptés une seule fois.
site-how-not = Ce qu’il ne fait pas
site-how-not-1 = Il ne donne aucun conseil médical et ne pose aucun diagnostic.
site-how-not-2 = Il ne se fait pas passer pour une personne.
site-how-not-3 = Il ne comprend pas tout le monde à chaque fois. Il le dit alors et propose une personne.

## pricing

site-pricing-title = Tarifs
site-pricing-description = Ce que coûte { $name } et ce qui est compris.
site-pricing-request = Tarifs sur demande
site-pricing-request-text = Le prix dépend du nombre de lignes et de la fréquence des appels. Dites-le-nous lors d’une démo et vous recevrez un prix écrit, sans date limite.
site-pricing-month = par mois
site-pricing-year = par an
site-pricing-call = par appel
site-pricing-minute = par minute
site-pricing-setup = { $amount } une fois, pour la mise en place
site-pricing-includes = Ce que comprend { $plan }
site-pricing-note = L’opérateur vocal facture les minutes de communication. Chaque appel indique ce qu’il a coûté.

## security

site-security-title = Sécurité
site-security-description = Ce que { $name } conserve, où cela se trouve, qui peut le voir et ce que nous n’affirmons pas.
site-security-table = Ce qui est conservé et où
site-security-what = Quoi
site-security-where = Où
site-security-who = Qui le voit
site-security-calls = Appels : numéro, paroles, résultat, coût
site-security-calls-where = Dans une base PostgreSQL sur le serveur de l’exploitant
site-security-calls-who = Les membres de ce cabinet
site-security-keys = Identifiants de l’opérateur vocal
site-security-keys-where = Dans la base, chiffrés avec une clé conservée ailleurs
site-security-keys-who = Personne ; on peut les remplacer, pas les lire
site-security-passwords = Mots de passe
site-security-passwords-where = Sous forme d’empreintes argon2id ; le mot de passe n’est pas conservé
site-security-passwords-who = Personne
site-security-demos = Réservations de démo : nom, e-mail, cabinet, téléphone
site-security-demos-who = L’équipe de l’exploitant
site-security-apart-h = La base de données sépare les cabinets
site-security-apart = Chaque ligne appartient à un cabinet, et la base elle-même refuse celles d’un autre, même si notre programme les demandait par erreur. Des tests l’essaient pour chaque table et chaque adresse.
site-security-trace-h = Les changements laissent une trace
site-security-trace = Qui a invité qui, changé un rôle, créé une clé ou remplacé un identifiant est noté avec le changement.
site-security-pages-h = Les pages n’exécutent rien d’ailleurs
site-security-pages = Ni traceur, ni publicité, ni police ou script d’une autre société. Les seuls cookies de ce site retiennent votre langue et votre préférence pour le mode sombre.
site-security-claims-h = Ce que nous n’affirmons pas
site-security-claims = Cette page ne cite aucune certification, car aucune n’accompagne le logiciel. Les règles sur les données de santé varient selon le pays ; demandez-nous ce qui est en place chez vous avant de raccorder une ligne.

## privacy and terms: a template that the operator completes

site-legal-draft = Cette page est un modèle. Son exploitant ne l’a pas encore complétée et elle n’est pas en vigueur.
site-legal-company = [raison sociale]
site-legal-address = [adresse postale]
site-legal-email = [e-mail pour la confidentialité]
site-legal-law = [pays]
site-legal-updated = Dernière modification le { $date }
site-privacy-title = Confidentialité
site-privacy-description = Ce que ce site et { $name } font des données personnelles.
site-privacy-who-h = Qui est responsable
site-privacy-who = { $company }, { $address }. Pour toute question sur la confidentialité : { $email }.
site-privacy-visit-h = Quand vous visitez ce site
site-privacy-visit = Le serveur note l’adresse, l’heure et le résultat d’une requête sans son auteur, et compte brièvement les requêtes d’une adresse réseau pour éviter les abus. Deux cookies retiennent la langue et l’apparence si vous les choisissez. Rien n’est mesuré sur vous et rien n’est transmis.
site-privacy-book-h = Quand vous réservez une démo
site-privacy-book = Nous gardons nom, e-mail, cabinet, téléphone et ce que vous nous écrivez, pour faire la démo et vous répondre. Un relais de messagerie vous achemine nos messages.
site-privacy-calls-h = Quand vous appelez un cabinet qui utilise { $name }
site-privacy-calls = Le cabinet décide de ce qu’il advient de l’appel et nous travaillons pour lui. Numéro, paroles et résultat sont conservés pour ce cabinet ; un opérateur vocal transforme la parole en texte. Demandez au cabinet de les voir ou de les effacer.
site-privacy-chat-h = Quand vous ouvrez la discussion
site-privacy-chat = La discussion est assurée par Intercom. Rien n’en est chargé avant que vous n’appuyiez sur son bouton ; ensuite, les règles d’Intercom s’appliquent aussi.
site-privacy-keep-h = Combien de temps nous le gardons
site-privacy-keep = Les réservations tant qu’elles nous sont utiles, à vous et à nous, et aussi longtemps que la loi l’exige. Les appels aussi longtemps que le cabinet l’a choisi.
site-privacy-rights-h = Vos droits
site-privacy-rights = Vous pouvez demander ce que nous détenons sur vous, le faire corriger ou effacer, en obtenir une copie et vous y opposer. Écrivez à { $email }. Vous pouvez aussi saisir l’autorité de protection des données de votre pays.
site-terms-title = Conditions
site-terms-description = Les conditions auxquelles { $name } est proposé.
site-terms-who-h = Entre qui
site-terms-who = Ces conditions lient { $company }, { $address }, et le cabinet ou la clinique qui utilise { $name }.
site-terms-service-h = Ce que vous obtenez
site-terms-service = Un accueil automatique pour les lignes que vous raccordez, et des pages où votre équipe suit ses appels. Le contenu et le prix figurent dans votre commande.
site-terms-yours-h = Ce qui vous incombe
site-terms-yours = Vous décidez de ce que dit l’accueil, gardez vos accès pour vous, informez les appelants comme la loi l’exige et avez droit aux numéros raccordés.
site-terms-emergency-h = Pas pour les urgences
site-terms-emergency = Le service n’est pas une ligne d’urgence et n’en remplace aucune. Veillez à ce que les appelants en danger sachent qui appeler.
site-terms-limits-h = En cas de défaillance
site-terms-limits = Les réseaux téléphoniques, l’opérateur vocal et notre serveur peuvent tomber en panne. Nous réparons ce qui dépend de nous au plus vite. Le reste découle de la loi et de votre commande.
site-terms-end-h = Y mettre fin
site-terms-end = Vous pouvez arrêter à la fin de toute période payée. Vous recevez vos appels dans un fichier avant leur effacement.
site-terms-law-h = Droit applicable
site-terms-law = Le droit applicable est celui du pays suivant : { $law }.

## chat

site-chat-title = Discuter avec nous
site-chat-description = Écrivez à une personne de l’équipe de { $name }.
site-chat-before = La discussion est assurée par Intercom. Rien n’en est chargé avant que vous ne la lanciez.
site-chat-start = Lancer la discussion
site-chat-starting = Lancement de la discussion
site-chat-open = La discussion est ouverte dans le coin de cette page.
site-chat-failed = La discussion n’est pas disponible pour le moment. Vous pouvez nous joindre comme ci-dessous.
site-chat-script = La discussion nécessite JavaScript. Sans lui, vous pouvez nous joindre comme ci-dessous.
site-chat-else = Autres moyens

## problems

site-problem-missing-h = Cette page n’existe pas
site-problem-missing = L’adresse est peut-être mal saisie ou la page a été déplacée.
site-problem-failed-h = Un problème est survenu
site-problem-failed = C’est notre faute et c’est noté. Ce que vous avez fait n’a peut-être pas été enregistré.
site-problem-away-h = Indisponible pour un instant
site-problem-away = Une partie du serveur ne répond pas. Veuillez réessayer dans un instant.
site-problem-busy-h = Trop de tentatives
site-problem-busy = Patientez un peu et réessayez.
site-problem-odd-h = Demande non comprise
site-problem-odd = Quelque chose dans l’adresse ou le formulaire est incorrect. Rien n’a été modifié.
site-problem-request = Requête { $id }
site-problem-home = À la page d’accueil
