mail-greeting = Olá, { $name },

mail-invitation-subject = Você foi convidado para { $organization }
mail-invitation-heading = Você foi convidado para { $organization }
mail-invitation-body = { $organization } convida você para o Voxanne, onde ficam guardadas as ligações da clínica.
mail-invitation-button = Aceitar o convite
mail-invitation-note = O link vale por { $days } dias, uma única vez. Se você não conhece { $organization }, ignore esta mensagem.

mail-password-changed-subject = Sua senha foi alterada
mail-password-changed-heading = Sua senha foi alterada
mail-password-changed-body = A senha da sua conta foi alterada, e todos os outros navegadores e programas foram desconectados. Se foi você, não é preciso fazer nada.
mail-password-changed-button = Não fui eu: definir outra senha
mail-password-changed-note = Você recebe esta mensagem porque ela diz respeito à segurança da sua conta.

mail-reset-subject = Defina uma nova senha
mail-reset-heading = Defina uma nova senha
mail-reset-body = Alguém, provavelmente você, pediu uma nova senha para a sua conta.
mail-reset-button = Definir uma nova senha
mail-reset-note = O link funciona uma única vez, por uma hora. Se você não pediu, ignore esta mensagem: sua senha continua a mesma.
