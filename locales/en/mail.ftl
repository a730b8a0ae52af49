# Words of the mails. Each file of this name in the other languages has the same keys.

mail-greeting = Hello { $name },

mail-invitation-subject = You are invited to { $organization }
mail-invitation-heading = You are invited to { $organization }
mail-invitation-body = { $organization } would like you to join them on Voxanne, where the calls of the practice are kept.
mail-invitation-button = Accept the invitation
mail-invitation-note = The link works for { $days } days, once. If you do not know { $organization }, ignore this mail.

mail-password-changed-subject = Your password was changed
mail-password-changed-heading = Your password was changed
mail-password-changed-body = The password of your account was changed, and every other browser and program was signed out. If that was you, there is nothing to do.
mail-password-changed-button = It was not me: set a new password
mail-password-changed-note = You get this mail because it concerns the safety of your account.

mail-reset-subject = Set a new password
mail-reset-heading = Set a new password
mail-reset-body = Somebody, hopefully you, asked for a new password for your account.
mail-reset-button = Set a new password
mail-reset-note = The link works once, for an hour. If you did not ask for it, ignore this mail: your password stays as it is.
