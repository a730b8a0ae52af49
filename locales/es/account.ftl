# Words of the pages around signing in. Each file of this name in the other languages has the same keys.

account-skip = Ir al contenido
account-demonstration = Demostración: llamadas simuladas
account-email = Correo electrónico
account-password = Contraseña
account-back = Volver a iniciar sesión
account-password-hint = Al menos { $least } caracteres. Unas cuantas palabras seguidas son fáciles de recordar.
account-password-bad = Una contraseña tiene de { $least } a { $most } caracteres.

account-signin-title = Iniciar sesión
account-signin-new = Su nueva contraseña está guardada. Inicie sesión con ella.
account-signin-forgot = ¿Ha olvidado su contraseña?
account-signin-none = ¿No tiene cuenta? Alguien de su consulta puede invitarle.
account-wrong = El correo o la contraseña no son correctos.
account-wait = { $minutes ->
        [one] Demasiados intentos. Espere un minuto e inténtelo de nuevo.
       *[other] Demasiados intentos. Espere { $minutes } minutos e inténtelo de nuevo.
    }

account-forgot-title = ¿Ha olvidado su contraseña?
account-forgot-line = Díganos la dirección con la que inicia sesión y le enviaremos un enlace para elegir una nueva.
account-forgot-button = Enviar el enlace
account-sent-title = Mire su buzón
account-sent-line = Si hay una cuenta con esta dirección, un correo con un enlace está en camino. El enlace funciona una vez, durante una hora.
account-sent-hint = ¿No llega nada tras unos minutos? Mire entre los correos no deseados o pregunte a la persona que gestiona esta instalación.

account-reset-title = Elegir una contraseña nueva
account-reset-field = Contraseña nueva
account-reset-button = Guardar la contraseña
account-reset-note = Se cerrará la sesión en todos los navegadores y programas que usan su cuenta.
account-reset-gone = Este enlace ya no funciona
account-reset-gone-line = Funciona una vez, durante una hora.
account-reset-again = Pedir uno nuevo

account-join-title = Unirse a { $organization }
account-join-role = Le invitan como: { $role }
account-join-known = Ya tiene una cuenta con esta dirección. Inicie sesión con su contraseña para unirse.
account-join-name = Su nombre
account-join-choose = Elija una contraseña
account-join-button = Unirse
account-join-name-bad = Su nombre debe tener de 1 a { $most } caracteres.
account-join-wrong = La contraseña no es correcta.
account-join-gone = Esta invitación ya no funciona
account-join-gone-line = Puede que haya caducado, se haya usado o se haya retirado. Pida una nueva a la persona que se la envió.
account-role-viewer = Solo lectura
account-role-member = Miembro
account-role-admin = Administración
account-role-owner = Titular
