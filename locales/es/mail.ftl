mail-greeting = Hola, { $name }:

mail-invitation-subject = Tiene una invitación de { $organization }
mail-invitation-heading = Tiene una invitación de { $organization }
mail-invitation-body = { $organization } le invita a unirse en Voxanne, donde se guardan las llamadas de la clínica.
mail-invitation-button = Aceptar la invitación
mail-invitation-note = El enlace sirve durante { $days } días y una sola vez. Si no conoce { $organization }, ignore este mensaje.

mail-password-changed-subject = Se ha cambiado su contraseña
mail-password-changed-heading = Se ha cambiado su contraseña
mail-password-changed-body = Se ha cambiado la contraseña de su cuenta y se ha cerrado la sesión en los demás navegadores y programas. Si fue usted, no tiene que hacer nada.
mail-password-changed-button = No fui yo: elegir otra contraseña
mail-password-changed-note = Recibe este mensaje porque afecta a la seguridad de su cuenta.

mail-reset-subject = Elija una contraseña nueva
mail-reset-heading = Elija una contraseña nueva
mail-reset-body = Alguien, probablemente usted, ha pedido una contraseña nueva para su cuenta.
mail-reset-button = Elegir una contraseña nueva
mail-reset-note = El enlace funciona una sola vez, durante una hora. Si no lo ha pedido, ignore este mensaje: su contraseña no cambia.
