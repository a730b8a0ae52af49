# Words of booking a demonstration, on pages and in mails.

booking-weekday = { $number ->
       [1] lunes
       [2] martes
       [3] miércoles
       [4] jueves
       [5] viernes
       [6] sábado
      *[7] domingo
    }
booking-weekday-short = { $number ->
       [1] lun
       [2] mar
       [3] mié
       [4] jue
       [5] vie
       [6] sáb
      *[7] dom
    }
booking-month = { $number ->
       [1] enero
       [2] febrero
       [3] marzo
       [4] abril
       [5] mayo
       [6] junio
       [7] julio
       [8] agosto
       [9] septiembre
       [10] octubre
       [11] noviembre
      *[12] diciembre
    }
booking-month-short = { $number ->
       [1] ene
       [2] feb
       [3] mar
       [4] abr
       [5] may
       [6] jun
       [7] jul
       [8] ago
       [9] sept
       [10] oct
       [11] nov
      *[12] dic
    }
booking-date = { $weekday } { $day } de { $month }
booking-date-with-year = { $date } de { $year }
booking-date-short = { $day } { $month }
booking-span = { $from } a { $until } { $zone }
booking-moment = { $date }, { $span }
booking-fault-missing = Rellena este campo.
booking-fault-missing-name = Escribe tu nombre.
booking-fault-missing-email = Escribe tu correo electrónico.
booking-fault-missing-clinic = Escribe el nombre de tu clínica.
booking-fault-missing-phone = Escribe tu número de teléfono.
booking-fault-too-long = Usa como máximo { $most } caracteres.
booking-fault-unprintable = Quita los saltos de línea y los caracteres invisibles.
booking-fault-several-addresses = Escribe solo una dirección de correo.
booking-fault-not-an-address = Escribe una dirección como nombre@example.com.
booking-fault-no-ending = A esta dirección le falta la terminación, como .com.
booking-fault-no-country = Elige un país o empieza el número con + y el prefijo.
booking-fault-not-a-phone = No se puede llamar a este número. Revísalo o empieza con + y el prefijo.
booking-fault-link = No pongas direcciones web en este campo.
booking-name = Tu nombre
booking-email = Correo de trabajo
booking-clinic = Clínica
booking-phone = Teléfono
booking-country = País del número
booking-country-other = Otro: empieza con +
booking-clinic-type = Tipo de clínica
booking-goal = ¿Qué esperas que haga?
booking-notes = Algo que debamos saber
booking-optional = opcional
booking-none-chosen = Sin especificar
booking-type-dental = Dental
booking-type-medical = Medicina
booking-type-aesthetic = Estética
booking-type-veterinary = Veterinaria
booking-type-other = Otra
booking-goal-bookings = Más citas
booking-goal-automate = Responder llamadas automáticamente
booking-goal-cost = Aliviar la recepción
booking-time = Hora
booking-their-time = Hora del interesado
booking-language = Idioma
booking-no-time = Sin hora: quiere una llamada
booking-mail-booked = Tu demostración está reservada
booking-mail-booked-line = nos alegrará enseñarte { $name }. La cita de calendario va adjunta.
booking-mail-asked = Te llamaremos
booking-mail-asked-line = gracias por tu interés en { $name }. Alguien de nuestro equipo te llamará para buscar una hora.
booking-mail-moved = Tu demostración tiene nueva hora
booking-mail-moved-line = la hora de tu demostración de { $name } ha cambiado. La cita de calendario va adjunta.
booking-mail-cancelled = Tu demostración está cancelada
booking-mail-cancelled-line = tu demostración de { $name } no tendrá lugar.
booking-mail-change = Ver, mover o cancelar
booking-mail-again = Elegir otra hora
booking-mail-why = Recibes esto porque alguien reservó una demostración con esta dirección. Si no fuiste tú, cancélala y no te escribiremos más.
booking-mail-subject = { $what }: { $when }
booking-sales-booked = Nueva demostración: { $clinic }
booking-sales-asked = Llamar a: { $clinic }
booking-sales-moved = Demostración movida: { $clinic }
booking-sales-cancelled = Demostración cancelada: { $clinic }
booking-sales-open = Abrir la reserva
booking-calendar-title = Demostración de { $name }
booking-calendar-text = Ver, mover o cancelar: { $link }
booking-api-booked = Tu demostración está reservada: { $when }.
booking-api-asked = Gracias. Alguien de { $name } te contactará.
booking-title = Reservar una demostración
booking-description = Elige la hora de una demostración de { $name }, en tu hora local.
booking-lede = Mira cómo contesta tu teléfono
booking-about = Alguien de nuestro equipo prepara una recepción para tu clínica mientras miras, y luego la llamas.
booking-point-length = { $minutes } minutos, por vídeo o teléfono
booking-point-question = Trae una pregunta real de quienes llaman
booking-point-invite = Invitación por correo, mover o cancelar con un clic
booking-steps = Pasos
booking-step-time = Elige la hora
booking-step-details = Tus datos
booking-zone = Horas mostradas en
booking-zone-now = { $city }, ahora { $time } ({ $zone })
booking-zone-show = Mostrar horas
booking-day = Día
booking-day-full = completo
booking-days-earlier = Días anteriores
booking-days-later = Días siguientes
booking-time-on = Hora del { $date }
booking-next = Siguiente: tus datos
booking-no-slots = Ahora mismo no hay horas libres.
booking-contact-link = ¿Ninguna hora te va bien? Pide que te llamemos.
booking-contact-title = Pide que te llamemos
booking-host-time = Para nosotros: { $when }.
booking-taken = Esta hora se acaba de ocupar.
booking-not-offered = Esta hora ya no se ofrece.
booking-others = Las horas libres más cercanas
booking-pick = Elige una hora.
booking-change = Cambiar
booking-kept = Te guardamos esta hora hasta las { $time }.
booking-phone-help = Solo llamamos si falla el vídeo.
booking-phone-help-call = Te llamamos a este número.
booking-phone-echo = Marcaremos { $number }.
booking-submit = Reservar la demostración
booking-submit-call = Pedir la llamada
booking-submitting = Reservando…
booking-privacy = Lo usamos para la demostración.
booking-privacy-link = Privacidad
booking-errors = Revisa algunos campos:
booking-did-you-mean = ¿Querías decir { $email }?
booking-trap = Deja este campo vacío
booking-too-fast = Fue más rápido de lo que podemos comprobar. Pulsa otra vez.
booking-automatic = Parece rellenado por un programa. Vacía el campo oculto o escríbenos.
booking-too-many = Esta dirección ha hecho varias reservas hoy. Usa el enlace de uno de tus correos o vuelve mañana.
booking-unavailable = No hemos podido guardar tu reserva. No se ha perdido nada: vuelve a pulsar en un momento.
booking-done = Tu demostración está reservada
booking-done-call = Te llamaremos
booking-mail-on-its-way = Enviamos una confirmación a { $email }.
booking-your-time = Tu hora
booking-our-time = Nuestra hora
booking-state = Estado
booking-state-booked = Reservada
booking-state-confirmed = Confirmada
booking-state-moved = Movida
booking-state-over = Terminada
booking-state-cancelled = Cancelada
booking-add = Añadir al calendario
booking-move = Mover a otra hora
booking-move-here = Mover la demostración
booking-moved = Tu demostración se ha movido.
booking-keep = Mantener la hora
booking-cancel = Cancelar la demostración
booking-cancel-sure = La hora queda libre para otros. Puedes reservar de nuevo cuando quieras.
booking-cancelled = Esta demostración está cancelada
booking-over = Esta demostración ha empezado o ha terminado y ya no se puede cambiar aquí.
booking-again = Reservar otra demostración
booking-unknown = No hay ninguna reserva en este enlace
booking-unknown-line = Comprueba que copiaste el enlace completo de tu correo.
