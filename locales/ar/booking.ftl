# Words of booking a demonstration, on pages and in mails.

booking-weekday = { $number ->
       [1] الاثنين
       [2] الثلاثاء
       [3] الأربعاء
       [4] الخميس
       [5] الجمعة
       [6] السبت
      *[7] الأحد
    }
booking-weekday-short = { $number ->
       [1] الاثنين
       [2] الثلاثاء
       [3] الأربعاء
       [4] الخميس
       [5] الجمعة
       [6] السبت
      *[7] الأحد
    }
booking-month = { $number ->
       [1] يناير
       [2] فبراير
       [3] مارس
       [4] أبريل
       [5] مايو
       [6] يونيو
       [7] يوليو
       [8] أغسطس
       [9] سبتمبر
       [10] أكتوبر
       [11] نوفمبر
      *[12] ديسمبر
    }
booking-month-short = { $number ->
       [1] يناير
       [2] فبراير
       [3] مارس
       [4] أبريل
       [5] مايو
       [6] يونيو
       [7] يوليو
       [8] أغسطس
       [9] سبتمبر
       [10] أكتوبر
       [11] نوفمبر
      *[12] ديسمبر
    }
booking-date = { $weekday } { $day } { $month }
booking-date-with-year = { $date } { $year }
booking-date-short = { $day } { $month }
booking-span = { $from } إلى { $until } { $zone }
booking-moment = { $date }، { $span }
booking-fault-missing = املأ هذا الحقل.
booking-fault-missing-name = أدخل اسمك.
booking-fault-missing-email = أدخل بريدك الإلكتروني.
booking-fault-missing-clinic = أدخل اسم عيادتك.
booking-fault-missing-phone = أدخل رقم هاتفك.
booking-fault-too-long = استخدم { $most } حرفًا على الأكثر.
booking-fault-unprintable = احذف فواصل الأسطر والأحرف غير المرئية.
booking-fault-several-addresses = أدخل عنوان بريد واحدًا فقط.
booking-fault-not-an-address = أدخل عنوانًا مثل name@example.com.
booking-fault-no-ending = ينقص هذا العنوان نهاية النطاق، مثل ‎.com.
booking-fault-no-country = اختر بلدًا، أو ابدأ الرقم بعلامة + ورمز البلد.
booking-fault-not-a-phone = لا يمكن الاتصال بهذا الرقم. تحقق منه، أو ابدأ بعلامة + ورمز البلد.
booking-fault-link = لا تضع عناوين ويب في هذا الحقل.
booking-name = اسمك
booking-email = بريد العمل
booking-clinic = العيادة
booking-phone = الهاتف
booking-country = بلد الرقم
booking-country-other = آخر: ابدأ بعلامة +
booking-clinic-type = نوع العيادة
booking-goal = ماذا تريد منه؟
booking-notes = أي شيء ينبغي أن نعرفه
booking-optional = اختياري
booking-none-chosen = غير محدد
booking-type-dental = أسنان
booking-type-medical = طب عام
booking-type-aesthetic = تجميل
booking-type-veterinary = طب بيطري
booking-type-other = أخرى
booking-goal-bookings = مزيد من الحجوزات
booking-goal-automate = الرد على المكالمات آليًا
booking-goal-cost = تخفيف العبء عن الاستقبال
booking-time = الوقت
booking-their-time = الوقت لدى العميل
booking-language = اللغة
booking-no-time = دون وقت: يريد اتصالًا
booking-mail-booked = تم حجز عرضك التوضيحي
booking-mail-booked-line = يسعدنا أن نعرض عليك { $name }. دعوة التقويم مرفقة.
booking-mail-asked = سنتصل بك
booking-mail-asked-line = شكرًا لاهتمامك بـ { $name }. سيتصل بك أحد أفراد فريقنا لتحديد وقت.
booking-mail-moved = لعرضك التوضيحي وقت جديد
booking-mail-moved-line = تغير وقت عرض { $name } التوضيحي. دعوة التقويم مرفقة.
booking-mail-cancelled = أُلغي عرضك التوضيحي
booking-mail-cancelled-line = لن يُقام عرض { $name } التوضيحي.
booking-mail-change = عرض أو نقل أو إلغاء
booking-mail-again = اختيار وقت آخر
booking-mail-why = تصلك هذه الرسالة لأن أحدهم حجز عرضًا بهذا العنوان. إن لم تكن أنت، فألغه ولن نراسلك بعدها.
booking-mail-subject = { $what }: { $when }
booking-sales-booked = عرض جديد: { $clinic }
booking-sales-asked = معاودة الاتصال: { $clinic }
booking-sales-moved = نُقل العرض: { $clinic }
booking-sales-cancelled = أُلغي العرض: { $clinic }
booking-sales-open = فتح الحجز
booking-calendar-title = عرض { $name }
booking-calendar-text = عرض أو نقل أو إلغاء: { $link }
booking-api-booked = حُجز عرضك: { $when }.
booking-api-asked = شكرًا. سيتواصل معك أحد من { $name }.
booking-title = احجز عرضًا توضيحيًا
booking-description = اختر وقتًا لعرض { $name } بتوقيتك.
booking-lede = شاهده يرد على هاتفك
booking-about = يُعد أحد أفراد فريقنا موظف استقبال لعيادتك وأنت تشاهد، ثم تتصل به.
booking-point-length = { $minutes } دقيقة، بالفيديو أو الهاتف
booking-point-question = أحضر سؤالًا حقيقيًا يطرحه المتصلون
booking-point-invite = دعوة تقويم بالبريد، وانقل أو ألغِ بنقرة واحدة
booking-steps = الخطوات
booking-step-time = اختر وقتًا
booking-step-details = بياناتك
booking-zone = الأوقات معروضة بتوقيت
booking-zone-now = { $city }، الآن { $time } ({ $zone })
booking-zone-show = اعرض الأوقات
booking-day = اليوم
booking-day-full = ممتلئ
booking-days-earlier = أيام سابقة
booking-days-later = أيام لاحقة
booking-time-on = الوقت يوم { $date }
booking-next = التالي: بياناتك
booking-no-slots = لا توجد أوقات متاحة حاليًا.
booking-contact-link = لا يناسبك أي وقت؟ اطلب أن نتصل بك.
booking-contact-title = اطلب أن نتصل بك
booking-host-time = بتوقيتنا: { $when }.
booking-taken = حُجز هذا الوقت للتو.
booking-not-offered = لم يعد هذا الوقت متاحًا.
booking-others = أقرب الأوقات المتاحة
booking-pick = اختر وقتًا.
booking-change = تغيير
booking-kept = نحتفظ لك بهذا الوقت حتى { $time }.
booking-phone-help = لا نتصل إلا إذا تعذر الفيديو.
booking-phone-help-call = سنتصل بك على هذا الرقم.
booking-phone-echo = سنطلب الرقم { $number }.
booking-submit = احجز العرض
booking-submit-call = اطلب اتصالًا
booking-submitting = جارٍ الحجز…
booking-privacy = نستخدم هذا لإجراء العرض.
booking-privacy-link = الخصوصية
booking-errors = تحتاج بعض الحقول إلى مراجعة:
booking-did-you-mean = هل تقصد { $email }؟
booking-trap = اترك هذا الحقل فارغًا
booking-too-fast = كان ذلك أسرع مما يمكننا التحقق منه. اضغط الزر مرة أخرى.
booking-automatic = يبدو أن برنامجًا ملأ هذا. أفرغ الحقل المخفي أو راسلنا.
booking-too-many = أجرى هذا العنوان عدة حجوزات اليوم. استخدم الرابط في إحدى رسائلك أو عد غدًا.
booking-unavailable = تعذر حفظ حجزك الآن. لم يضع شيء مما كتبته: اضغط الزر بعد لحظة.
booking-done = تم حجز عرضك
booking-done-call = سنتصل بك
booking-mail-on-its-way = تأكيد في طريقه إلى { $email }.
booking-your-time = وقتك
booking-our-time = وقتنا
booking-state = الحالة
booking-state-booked = محجوز
booking-state-confirmed = مؤكد
booking-state-moved = منقول
booking-state-over = انتهى
booking-state-cancelled = ملغى
booking-add = أضف إلى التقويم
booking-move = نقل إلى وقت آخر
booking-move-here = انقل العرض
booking-moved = نُقل عرضك.
booking-keep = أبقِ الوقت
booking-cancel = ألغِ العرض
booking-cancel-sure = يصبح الوقت متاحًا لغيرك. يمكنك الحجز مجددًا متى شئت.
booking-cancelled = هذا العرض ملغى
booking-over = بدأ هذا العرض أو انتهى، فلا يمكن تغييره هنا.
booking-again = احجز عرضًا آخر
booking-unknown = لا يوجد حجز بهذا الرابط
booking-unknown-line = تحقق من نسخ الرابط كاملًا من رسالتك.
