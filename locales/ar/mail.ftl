mail-greeting = مرحباً { $name }،

mail-invitation-subject = أنت مدعو إلى { $organization }
mail-invitation-heading = أنت مدعو إلى { $organization }
mail-invitation-body = تدعوك { $organization } إلى الانضمام إليها في Voxanne، حيث تُحفظ مكالمات العيادة.
mail-invitation-button = قبول الدعوة
mail-invitation-note = يعمل الرابط مرة واحدة خلال مدة لا تتجاوز { $days } أيام. إذا كنت لا تعرف { $organization } فتجاهل هذه الرسالة.

mail-password-changed-subject = تم تغيير كلمة المرور
mail-password-changed-heading = تم تغيير كلمة المرور
mail-password-changed-body = تم تغيير كلمة المرور الخاصة بحسابك، وسُجّل الخروج من جميع المتصفحات والبرامج الأخرى. إذا كنت أنت من فعل ذلك فلا يلزمك شيء.
mail-password-changed-button = لم أكن أنا: تعيين كلمة مرور جديدة
mail-password-changed-note = وصلتك هذه الرسالة لأنها تتعلق بأمان حسابك.

mail-reset-subject = تعيين كلمة مرور جديدة
mail-reset-heading = تعيين كلمة مرور جديدة
mail-reset-body = طلب شخص ما، وغالبًا أنت، كلمة مرور جديدة لحسابك.
mail-reset-button = تعيين كلمة مرور جديدة
mail-reset-note = يعمل الرابط مرة واحدة لمدة ساعة. إذا لم تطلبه فتجاهل هذه الرسالة، وتبقى كلمة المرور كما هي.
