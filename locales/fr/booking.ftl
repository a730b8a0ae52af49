# Words of booking a demonstration, on pages and in mails.

booking-weekday = { $number ->
       [1] lundi
       [2] mardi
       [3] mercredi
       [4] jeudi
       [5] vendredi
       [6] samedi
      *[7] dimanche
    }
booking-weekday-short = { $number ->
       [1] lun.
       [2] mar.
       [3] mer.
       [4] jeu.
       [5] ven.
       [6] sam.
      *[7] dim.
    }
booking-month = { $number ->
       [1] janvier
       [2] février
       [3] mars
       [4] avril
       [5] mai
       [6] juin
       [7] juillet
       [8] août
       [9] septembre
       [10] octobre
       [11] novembre
      *[12] décembre
    }
booking-month-short = { $number ->
       [1] janv.
       [2] févr.
       [3] mars
       [4] avr.
       [5] mai
       [6] juin
       [7] juil.
       [8] août
       [9] sept.
       [10] oct.
       [11] nov.
      *[12] déc.
    }
booking-date = { $weekday } { $day } { $month }
booking-date-with-year = { $date } { $year }
booking-date-short = { $day } { $month }
booking-span = { $from } à { $until } { $zone }
booking-moment = { $date }, { $span }
booking-fault-missing = Remplissez ce champ.
booking-fault-missing-name = Indiquez votre nom.
booking-fault-missing-email = Indiquez votre adresse e-mail.
booking-fault-missing-clinic = Indiquez le nom de votre cabinet.
booking-fault-missing-phone = Indiquez votre numéro de téléphone.
booking-fault-too-long = Utilisez au plus { $most } caractères.
booking-fault-unprintable = Supprimez les retours à la ligne et les caractères invisibles.
booking-fault-several-addresses = Indiquez une seule adresse e-mail.
booking-fault-not-an-address = Indiquez une adresse comme nom@example.com.
booking-fault-no-ending = Cette adresse n’a pas de terminaison de domaine, comme .com.
booking-fault-no-country = Choisissez un pays, ou commencez le numéro par + et l’indicatif.
booking-fault-not-a-phone = Ce numéro ne peut pas être appelé. Vérifiez-le, ou commencez par + et l’indicatif.
booking-fault-link = N’indiquez pas d’adresse web dans ce champ.
booking-name = Votre nom
booking-email = E-mail professionnel
booking-clinic = Cabinet
booking-phone = Téléphone
booking-country = Pays du numéro
booking-country-other = Autre : commencez par +
booking-clinic-type = Type de cabinet
booking-goal = Qu’en attendez-vous ?
booking-notes = Autre chose à savoir
booking-optional = facultatif
booking-none-chosen = Non précisé
booking-type-dental = Dentaire
booking-type-medical = Médecine
booking-type-aesthetic = Esthétique
booking-type-veterinary = Vétérinaire
booking-type-other = Autre
booking-goal-bookings = Plus de rendez-vous
booking-goal-automate = Répondre automatiquement aux appels
booking-goal-cost = Soulager l’accueil
booking-time = Horaire
booking-their-time = Horaire du prospect
booking-language = Langue
booking-no-time = Sans horaire : souhaite être appelé
booking-mail-booked = Votre démonstration est réservée
booking-mail-booked-line = nous nous réjouissons de vous présenter { $name }. L’invitation d’agenda est jointe.
booking-mail-asked = Nous vous appellerons
booking-mail-asked-line = merci de votre intérêt pour { $name }. Une personne de notre équipe vous appellera pour convenir d’un horaire.
booking-mail-moved = Votre démonstration a un nouvel horaire
booking-mail-moved-line = l’horaire de votre démonstration de { $name } a changé. L’invitation d’agenda est jointe.
booking-mail-cancelled = Votre démonstration est annulée
booking-mail-cancelled-line = votre démonstration de { $name } n’aura pas lieu.
booking-mail-change = Voir, déplacer ou annuler
booking-mail-again = Choisir un autre horaire
booking-mail-why = Vous recevez ce message parce qu’une démonstration a été réservée avec cette adresse. Si ce n’était pas vous, annulez-la et nous ne vous écrirons plus.
booking-mail-subject = { $what } : { $when }
booking-sales-booked = Nouvelle démonstration : { $clinic }
booking-sales-asked = À rappeler : { $clinic }
booking-sales-moved = Démonstration déplacée : { $clinic }
booking-sales-cancelled = Démonstration annulée : { $clinic }
booking-sales-open = Ouvrir la réservation
booking-calendar-title = Démonstration de { $name }
booking-calendar-text = Voir, déplacer ou annuler : { $link }
booking-api-booked = Votre démonstration est réservée : { $when }.
booking-api-asked = Merci. Une personne de { $name } vous contactera.
booking-title = Réserver une démonstration
booking-description = Choisissez l’horaire d’une démonstration de { $name }, à votre heure.
booking-lede = Voyez-le répondre à votre téléphone
booking-about = Une personne de notre équipe prépare sous vos yeux un accueil pour votre cabinet, puis vous l’appelez.
booking-point-length = { $minutes } minutes, en visio ou par téléphone
booking-point-question = Apportez une vraie question d’appelant
booking-point-invite = Invitation par e-mail, déplacement ou annulation en un clic
booking-steps = Étapes
booking-step-time = Choisir l’horaire
booking-step-details = Vos coordonnées
booking-zone = Heures affichées pour
booking-zone-now = { $city }, { $time } maintenant ({ $zone })
booking-zone-show = Afficher
booking-day = Jour
booking-day-full = complet
booking-days-earlier = Jours précédents
booking-days-later = Jours suivants
booking-time-on = Horaire du { $date }
booking-next = Suite : vos coordonnées
booking-no-slots = Aucun horaire n’est ouvert pour le moment.
booking-contact-link = Aucun horaire ne convient ? Demandez-nous de vous appeler.
booking-contact-title = Demander un appel
booking-host-time = Pour nous : { $when }.
booking-taken = Cet horaire vient d’être pris.
booking-not-offered = Cet horaire n’est plus proposé.
booking-others = Les horaires libres les plus proches
booking-pick = Choisissez un horaire.
booking-change = Modifier
booking-kept = Nous vous gardons cet horaire jusqu’à { $time }.
booking-phone-help = Nous n’appelons que si la visio échoue.
booking-phone-help-call = Nous vous appelons à ce numéro.
booking-phone-echo = Nous composerons le { $number }.
booking-submit = Réserver la démonstration
booking-submit-call = Demander l’appel
booking-submitting = Réservation…
booking-privacy = Nous l’utilisons pour la démonstration.
booking-privacy-link = Confidentialité
booking-errors = Certains champs sont à revoir :
booking-did-you-mean = Vouliez-vous dire { $email } ?
booking-trap = Laissez ce champ vide
booking-too-fast = C’était plus rapide que notre vérification. Appuyez encore une fois.
booking-automatic = Ceci semble rempli par un programme. Videz le champ caché, ou écrivez-nous.
booking-too-many = Cette adresse a fait plusieurs réservations aujourd’hui. Utilisez le lien d’un de vos e-mails, ou revenez demain.
booking-unavailable = Nous n’avons pas pu enregistrer votre réservation. Rien de ce que vous avez saisi n’est perdu : réessayez dans un instant.
booking-done = Votre démonstration est réservée
booking-done-call = Nous vous appellerons
booking-mail-on-its-way = Une confirmation part vers { $email }.
booking-your-time = Votre heure
booking-our-time = Notre heure
booking-state = État
booking-state-booked = Réservée
booking-state-confirmed = Confirmée
booking-state-moved = Déplacée
booking-state-over = Terminée
booking-state-cancelled = Annulée
booking-add = Ajouter à l’agenda
booking-move = Déplacer
booking-move-here = Déplacer la démonstration
booking-moved = Votre démonstration a été déplacée.
booking-keep = Garder l’horaire
booking-cancel = Annuler la démonstration
booking-cancel-sure = L’horaire redevient libre. Vous pouvez réserver à nouveau à tout moment.
booking-cancelled = Cette démonstration est annulée
booking-over = Cette démonstration a commencé ou est terminée ; elle ne peut plus être modifiée ici.
booking-again = Réserver une autre démonstration
booking-unknown = Aucune réservation sous ce lien
booking-unknown-line = Vérifiez que le lien de votre e-mail a été copié en entier.
