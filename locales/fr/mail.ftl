mail-greeting = Bonjour { $name },

mail-invitation-subject = Vous êtes invité à rejoindre { $organization }
mail-invitation-heading = Vous êtes invité à rejoindre { $organization }
mail-invitation-body = { $organization } vous invite à la rejoindre sur Voxanne, où sont conservés les appels du cabinet.
mail-invitation-button = Accepter l’invitation
mail-invitation-note = Le lien est valable { $days } jours, une seule fois. Si vous ne connaissez pas { $organization }, ignorez ce message.

mail-password-changed-subject = Votre mot de passe a été modifié
mail-password-changed-heading = Votre mot de passe a été modifié
mail-password-changed-body = Le mot de passe de votre compte a été modifié, et tous les autres navigateurs et programmes ont été déconnectés. Si c’était vous, vous n’avez rien à faire.
mail-password-changed-button = Ce n’était pas moi : choisir un nouveau mot de passe
mail-password-changed-note = Vous recevez ce message car il concerne la sécurité de votre compte.

mail-reset-subject = Choisissez un nouveau mot de passe
mail-reset-heading = Choisissez un nouveau mot de passe
mail-reset-body = Quelqu’un, vous sans doute, a demandé un nouveau mot de passe pour votre compte.
mail-reset-button = Choisir un nouveau mot de passe
mail-reset-note = Le lien fonctionne une seule fois, pendant une heure. Si vous n’avez rien demandé, ignorez ce message : votre mot de passe reste inchangé.
