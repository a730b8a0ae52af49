# Words of booking a demonstration, on pages and in mails.

booking-weekday = { $number ->
       [1] segunda-feira
       [2] terça-feira
       [3] quarta-feira
       [4] quinta-feira
       [5] sexta-feira
       [6] sábado
      *[7] domingo
    }
booking-weekday-short = { $number ->
       [1] seg
       [2] ter
       [3] qua
       [4] qui
       [5] sex
       [6] sáb
      *[7] dom
    }
booking-month = { $number ->
       [1] janeiro
       [2] fevereiro
       [3] março
       [4] abril
       [5] maio
       [6] junho
       [7] julho
       [8] agosto
       [9] setembro
       [10] outubro
       [11] novembro
      *[12] dezembro
    }
booking-month-short = { $number ->
       [1] jan.
       [2] fev.
       [3] mar.
       [4] abr.
       [5] mai.
       [6] jun.
       [7] jul.
       [8] ago.
       [9] set.
       [10] out.
       [11] nov.
      *[12] dez.
    }
booking-date = { $weekday }, { $day } de { $month }
booking-date-with-year = { $date } de { $year }
booking-date-short = { $day } { $month }
booking-span = { $from } às { $until } { $zone }
booking-moment = { $date }, { $span }
booking-fault-missing = Preencha este campo.
booking-fault-missing-name = Informe seu nome.
booking-fault-missing-email = Informe seu e-mail.
booking-fault-missing-clinic = Informe o nome da sua clínica.
booking-fault-missing-phone = Informe seu telefone.
booking-fault-too-long = Use no máximo { $most } caracteres.
booking-fault-unprintable = Remova quebras de linha e caracteres invisíveis.
booking-fault-several-addresses = Informe apenas um e-mail.
booking-fault-not-an-address = Informe um endereço como nome@example.com.
booking-fault-no-ending = Falta a terminação do domínio, como .com.
booking-fault-no-country = Escolha um país ou comece o número com + e o código do país.
booking-fault-not-a-phone = Não é possível ligar para este número. Confira-o ou comece com + e o código do país.
booking-fault-link = Não coloque endereços da web neste campo.
booking-name = Seu nome
booking-email = E-mail de trabalho
booking-clinic = Clínica
booking-phone = Telefone
booking-country = País do número
booking-country-other = Outro: comece com +
booking-clinic-type = Tipo de clínica
booking-goal = O que espera dele?
booking-notes = Algo que devemos saber
booking-optional = opcional
booking-none-chosen = Não informado
booking-type-dental = Odontologia
booking-type-medical = Medicina
booking-type-aesthetic = Estética
booking-type-veterinary = Veterinária
booking-type-other = Outra
booking-goal-bookings = Mais agendamentos
booking-goal-automate = Atender ligações automaticamente
booking-goal-cost = Aliviar a recepção
booking-time = Horário
booking-their-time = Horário do interessado
booking-language = Idioma
booking-no-time = Sem horário: quer uma ligação
booking-mail-booked = Sua demonstração está marcada
booking-mail-booked-line = será um prazer apresentar { $name } a você. O convite de calendário está anexo.
booking-mail-asked = Vamos ligar para você
booking-mail-asked-line = obrigado pelo interesse em { $name }. Alguém da nossa equipe vai ligar para combinar um horário.
booking-mail-moved = Sua demonstração tem novo horário
booking-mail-moved-line = o horário da sua demonstração de { $name } mudou. O convite de calendário está anexo.
booking-mail-cancelled = Sua demonstração foi cancelada
booking-mail-cancelled-line = sua demonstração de { $name } não será realizada.
booking-mail-change = Ver, mudar ou cancelar
booking-mail-again = Escolher outro horário
booking-mail-why = Você recebe esta mensagem porque alguém marcou uma demonstração com este endereço. Se não foi você, cancele e não escreveremos mais.
booking-mail-subject = { $what }: { $when }
booking-sales-booked = Nova demonstração: { $clinic }
booking-sales-asked = Ligar para: { $clinic }
booking-sales-moved = Demonstração remarcada: { $clinic }
booking-sales-cancelled = Demonstração cancelada: { $clinic }
booking-sales-open = Abrir a reserva
booking-calendar-title = Demonstração de { $name }
booking-calendar-text = Ver, mudar ou cancelar: { $link }
booking-api-booked = Sua demonstração está marcada: { $when }.
booking-api-asked = Obrigado. Alguém de { $name } entrará em contato.
booking-title = Marcar uma demonstração
booking-description = Escolha o horário de uma demonstração de { $name }, no seu fuso.
booking-lede = Veja-o atender o seu telefone
booking-about = Alguém da nossa equipe prepara uma recepção para a sua clínica enquanto você assiste, e depois você liga.
booking-point-length = { $minutes } minutos, por vídeo ou telefone
booking-point-question = Traga uma pergunta real de quem liga
booking-point-invite = Convite por e-mail, mude ou cancele em um clique
booking-steps = Etapas
booking-step-time = Escolha o horário
booking-step-details = Seus dados
booking-zone = Horários exibidos em
booking-zone-now = { $city }, agora { $time } ({ $zone })
booking-zone-show = Mostrar horários
booking-day = Dia
booking-day-full = lotado
booking-days-earlier = Dias anteriores
booking-days-later = Dias seguintes
booking-time-on = Horário em { $date }
booking-next = Próximo: seus dados
booking-no-slots = No momento não há horários abertos.
booking-contact-link = Nenhum horário serve? Peça que liguemos.
booking-contact-title = Peça uma ligação
booking-host-time = Para nós: { $when }.
booking-taken = Este horário acabou de ser ocupado.
booking-not-offered = Este horário não é mais oferecido.
booking-others = Os horários livres mais próximos
booking-pick = Escolha um horário.
booking-change = Alterar
booking-kept = Guardamos este horário para você até { $time }.
booking-phone-help = Só ligamos se o vídeo falhar.
booking-phone-help-call = Ligamos para este número.
booking-phone-echo = Vamos discar { $number }.
booking-submit = Marcar a demonstração
booking-submit-call = Pedir a ligação
booking-submitting = Marcando…
booking-privacy = Usamos isso para a demonstração.
booking-privacy-link = Privacidade
booking-errors = Alguns campos precisam de atenção:
booking-did-you-mean = Você quis dizer { $email }?
booking-trap = Deixe este campo vazio
booking-too-fast = Foi mais rápido do que conseguimos verificar. Pressione mais uma vez.
booking-automatic = Parece preenchido por um programa. Esvazie o campo oculto ou escreva para nós.
booking-too-many = Este endereço fez várias reservas hoje. Use o link de um dos seus e-mails ou volte amanhã.
booking-unavailable = Não conseguimos guardar sua reserva agora. Nada do que digitou se perdeu: tente de novo em instantes.
booking-done = Sua demonstração está marcada
booking-done-call = Vamos ligar para você
booking-mail-on-its-way = Uma confirmação segue para { $email }.
booking-your-time = Seu horário
booking-our-time = Nosso horário
booking-state = Situação
booking-state-booked = Marcada
booking-state-confirmed = Confirmada
booking-state-moved = Remarcada
booking-state-over = Encerrada
booking-state-cancelled = Cancelada
booking-add = Adicionar ao calendário
booking-move = Mudar o horário
booking-move-here = Mudar a demonstração
booking-moved = Sua demonstração foi remarcada.
booking-keep = Manter o horário
booking-cancel = Cancelar a demonstração
booking-cancel-sure = O horário fica livre para outros. Você pode marcar de novo quando quiser.
booking-cancelled = Esta demonstração está cancelada
booking-over = Esta demonstração já começou ou terminou e não pode mais ser alterada aqui.
booking-again = Marcar outra demonstração
booking-unknown = Não há reserva neste link
booking-unknown-line = Confira se copiou o link inteiro do seu e-mail.
