# Words of the public site.

## every page

site-skip = انتقل إلى المحتوى
site-suggest = اقرأ هذه الصفحة بالعربية
site-nav-main = القائمة الرئيسية
site-nav-menu = القائمة
site-nav-foot = صفحات أخرى
site-nav-language = اللغة
site-nav-how = كيف يعمل
site-nav-pricing = الأسعار
site-nav-security = الأمان
site-nav-privacy = الخصوصية
site-nav-terms = الشروط
site-nav-sign-in = تسجيل الدخول
site-book = احجز عرضاً توضيحياً
site-look = مظهر الصفحات
site-look-system = حسب الجهاز
site-look-light = فاتح
site-look-dark = داكن
site-foot-line = موظف استقبال آلي للعيادات والمراكز الطبية.
site-nav-chat = الدردشة
site-close = إغلاق
site-wait = لحظة من فضلك

## landing

site-home-title = يُرَدّ على الهاتف قبل الرنّة الثانية
site-home-description = يردّ { $name } على كل مكالمة إلى عيادتك، ويحجز الموعد، ويحوّل المكالمة إلى فريقك عندما يلزم تدخّل إنسان.
site-home-hear = استمع إلى مكالمة نموذجية، { $length }
site-home-note = يعمل على الخادم الذي تختاره. ويُبلَّغ المتصلون بأنهم يتحدثون إلى آلة.
site-home-what = ما الذي يفعله على الهاتف
site-home-answer-h = يردّ
site-home-answer = في وقت الغداء وليلاً وحين تنشغل كل الخطوط. يرحّب بالمتصلين باسم عيادتك ويسألهم عمّا يحتاجون إليه.
site-home-book-h = يحجز
site-home-book = يعرض الأوقات التي تسمح بها، ويتأكد من الاسم والرقم، ويعيد الموعد على المتصل قبل إنهاء المكالمة.
site-home-pass-h = يحوّل
site-home-pass = عندما يكون المتصل متألماً أو منزعجاً أو يطلب التحدث إلى شخص، تصل المكالمة إلى فريقك مع ما قيل حتى تلك اللحظة.
site-home-see = ما الذي يراه فريقك
site-home-see-live = المكالمات أثناء حدوثها، مع الكلام لحظة نطقه.
site-home-see-list = كل مكالمة بعد انتهائها: من اتصل، وما نتيجتها، وما قيل فيها، وكم كلّفت.
site-home-see-missed = ما يحتاج إلى إنسان: المكالمات التي انقطعت، والمتصلون الذين يريدون معاودة الاتصال بهم.
site-home-end = شاهده وهو يردّ على هاتفك
site-home-end-text = يُعِدّ أحد أفراد فريقنا موظف استقبال لعيادتك أمام عينيك، ثم تتصل به بنفسك.

## the sample call

site-sample-title = موعد تنظيف أسنان، تم حجزه
site-sample-label = نموذج
site-sample-spoken = الأشخاص من نسج الخيال، والحاسوب يؤدي الدورين.
site-sample-tones = الأشخاص من نسج الخيال. تحلّ نغمات محل الأصوات، والكلام مكتوب أدناه.
site-sample-player = مكالمة نموذجية
site-sample-caller = المتصلة
site-sample-1 = عيادة الميناء لطب الأسنان، معك موظف الاستقبال الآلي. كيف أساعدك؟
site-sample-2 = مرحباً، أنا هناء سالم. أحتاج إلى تنظيف الأسنان، ويفضل هذا الأسبوع.
site-sample-3 = بالتأكيد يا هناء. هل تؤكدين لي تاريخ ميلادك؟
site-sample-4 = التاسع من مارس، عام تسعة وثمانين.
site-sample-5 = شكراً. لدي يوم الخميس الساعة التاسعة وعشر دقائق، أو الجمعة الساعة الثانية والنصف.
site-sample-6 = صباح الخميس مناسب جداً.
site-sample-7 = تم حجز موعدك يوم الخميس الساعة التاسعة وعشر دقائق. هل من شيء آخر؟
site-sample-8 = لا، هذا كل شيء. شكراً لك.

## how it works

site-how-description = من الرنّة الأولى إلى الملاحظة التي تصل فريقك: ما يحدث حين يردّ { $name }، وما يتركه للناس.
site-how-1-h = رقمك يبقى رقمك
site-how-1 = تحوّل خطك دائماً أو فقط عندما لا يردّ أحد. يستقبل مزوّد الصوت المكالمة، ويخبره { $name } بما يجوز لموظف الاستقبال قوله وفعله.
site-how-2-h = يعرّف بنفسه
site-how-2 = تذكر الجملة الأولى اسم عيادتك، وأن موظف الاستقبال آلي، وما إذا كانت المكالمة مسجّلة.
site-how-3-h = يسأل ويبحث ويعرض
site-how-3 = يتبيّن ما يحتاجه المتصل، ويبحث عن وقت متاح ضمن قواعدك، ويعيد قراءة الاختيار قبل الحجز.
site-how-4-h = يسلّم المكالمة
site-how-4 = تُحال الحالات الطارئة والشكاوى وكل ما تحدده إلى إنسان. وإن لم يكن أحد موجوداً، يُوعَد المتصل بمعاودة الاتصال ويرى فريقك هذا الوعد.
site-how-5-h = لا يضيع شيء
site-how-5 = يُحفَظ كلام كل مكالمة ونتيجتها ومدتها وتكلفتها قبل تأكيد استلامها. وإذا انقطع الاتصال أُرسلت من جديد واحتُسبت مرة واحدة.
site-how-not = ما لا يفعله
site-how-not-1 = لا يقدّم نصائح طبية ولا يشخّص.
site-how-not-2 = لا يدّعي أنه إنسان.
site-how-not-3 = لا يفهم الجميع في كل مرة، وحينها يقول ذلك ويعرض تحويل المكالمة إلى إنسان.

## pricing

site-pricing-title = الأسعار
site-pricing-description = كم يكلّف { $name } وما الذي يشمله.
site-pricing-request = الأسعار عند الطلب
site-pricing-request-text = تعتمد التكلفة على عدد خطوطك وعدد مرات رنينها. أخبرنا بذلك في عرض توضيحي وستحصل على سعر مكتوب دون مهلة محددة.
site-pricing-month = شهرياً
site-pricing-year = سنوياً
site-pricing-call = لكل مكالمة
site-pricing-minute = للدقيقة
site-pricing-setup = { $amount } مرة واحدة للإعداد
site-pricing-includes = ما الذي يشمله { $plan }
site-pricing-note = يحتسب مزوّد الصوت الدقائق على الخط، وتُظهر كل مكالمة تكلفتها.

## security

site-security-title = الأمان
site-security-description = ما الذي يخزّنه { $name }، وأين يوجد، ومن يمكنه رؤيته، وما لا ندّعيه.
site-security-table = ما يُخزَّن وأين
site-security-what = ماذا
site-security-where = أين
site-security-who = من يراه
site-security-calls = المكالمات: الرقم والكلام والنتيجة والتكلفة
site-security-calls-where = في قاعدة بيانات PostgreSQL على خادم المشغّل
site-security-calls-who = أعضاء تلك العيادة
site-security-keys = بيانات اعتماد مزوّد الصوت
site-security-keys-where = في قاعدة البيانات، مشفّرة بمفتاح محفوظ خارجها
site-security-keys-who = لا أحد؛ يمكن استبدالها لا قراءتها
site-security-passwords = كلمات المرور
site-security-passwords-where = على شكل بصمات argon2id؛ ولا تُخزَّن كلمة المرور نفسها
site-security-passwords-who = لا أحد
site-security-demos = حجوزات العروض: الاسم والبريد والعيادة والهاتف
site-security-demos-who = فريق المشغّل نفسه
site-security-apart-h = قاعدة البيانات تفصل بين العيادات
site-security-apart = كل سطر يخص عيادة واحدة، وقاعدة البيانات نفسها ترفض أسطر غيرها حتى لو طلبها برنامجنا خطأً. وتجرّب الاختبارات ذلك في كل جدول وكل عنوان.
site-security-trace-h = التغييرات تترك أثراً
site-security-trace = يُدوَّن مع كل تغيير من دعا من، ومن غيّر دوراً، ومن أنشأ مفتاحاً أو استبدل بيانات اعتماد.
site-security-pages-h = الصفحات لا تشغّل شيئاً من خارجها
site-security-pages = لا متعقّبات ولا إعلانات ولا خطوط أو برامج من شركة أخرى. وملفات الارتباط الوحيدة في هذا الموقع تحفظ لغتك وتفضيلك للمظهر الداكن.
site-security-claims-h = ما لا ندّعيه
site-security-claims = لا تذكر هذه الصفحة أي شهادة لأن البرنامج لا يأتي بشهادة. وتختلف قواعد البيانات الصحية من بلد إلى آخر؛ فاسألنا عمّا هو معمول به لديك قبل أن تربط خطاً.

## privacy and terms: a template that the operator completes

site-legal-draft = هذه الصفحة نموذج لم يُكمله المشغّل بعد، وهي غير سارية.
site-legal-company = [الاسم المسجّل]
site-legal-address = [العنوان البريدي]
site-legal-email = [البريد الإلكتروني للخصوصية]
site-legal-law = [البلد]
site-legal-updated = آخر تعديل في { $date }
site-privacy-title = الخصوصية
site-privacy-description = ما يفعله هذا الموقع و{ $name } بالبيانات الشخصية.
site-privacy-who-h = من المسؤول
site-privacy-who = { $company }، { $address }. للأسئلة المتعلقة بالخصوصية: { $email }.
site-privacy-visit-h = عند زيارتك هذا الموقع
site-privacy-visit = يدوّن الخادم عنوان الطلب ووقته ونتيجته دون صاحبه، ويعدّ طلبات عنوان الشبكة لمدة قصيرة منعاً للإغراق. ويحفظ ملفا ارتباط اللغة والمظهر إن اخترتهما. ولا يُقاس شيء عنك ولا يُنقل إلى أحد.
site-privacy-book-h = عند حجز عرض توضيحي
site-privacy-book = نحتفظ بالاسم والبريد والعيادة والهاتف وما تكتبه إلينا لإجراء العرض والرد عليك. وتُرسل رسائلنا إليك عبر خدمة بريد.
site-privacy-calls-h = عند اتصالك بعيادة تستخدم { $name }
site-privacy-calls = العيادة هي التي تقرر مصير المكالمة، ونحن نعمل نيابة عنها. يُحفظ الرقم والكلام والنتيجة لتلك العيادة، ويحوّل مزوّد صوت الكلام إلى نص. اطلب من العيادة الاطلاع عليها أو حذفها.
site-privacy-chat-h = عند فتح الدردشة
site-privacy-chat = تدير Intercom الدردشة. ولا يُحمَّل منها شيء حتى تضغط زرها، وحينها تسري قواعد Intercom أيضاً.
site-privacy-keep-h = مدة الاحتفاظ
site-privacy-keep = الحجوزات ما دامت مفيدة لك ولنا وما دام القانون يقتضي ذلك. والمكالمات المدة التي تختارها العيادة.
site-privacy-rights-h = حقوقك
site-privacy-rights = يمكنك أن تسأل عمّا نحتفظ به عنك، وأن تطلب تصحيحه أو حذفه أو الحصول على نسخة منه، وأن تعترض. اكتب إلى { $email }. ويمكنك أيضاً تقديم شكوى إلى هيئة حماية البيانات في بلدك.
site-terms-title = الشروط
site-terms-description = الشروط التي يُقدَّم { $name } بموجبها.
site-terms-who-h = بين من ومن
site-terms-who = تسري هذه الشروط بين { $company }، { $address }، والعيادة أو المركز الذي يستخدم { $name }.
site-terms-service-h = ما تحصل عليه
site-terms-service = موظف استقبال آلي للخطوط التي تربطها، وصفحات يتابع فيها فريقك مكالماته. ويحدد طلبك ما يشمله ذلك وتكلفته.
site-terms-yours-h = ما يقع عليك
site-terms-yours = أنت تقرر ما يقوله موظف الاستقبال، وتحافظ على بيانات دخولك، وتُعلم المتصلين بما يقتضيه القانون، ولك الحق في الأرقام التي تربطها.
site-terms-emergency-h = ليس للحالات الطارئة
site-terms-emergency = الخدمة ليست خط طوارئ ولا تحل محله. تأكد من إخبار المتصلين في حالة الخطر بالجهة التي يتصلون بها.
site-terms-limits-h = عند حدوث عطل
site-terms-limits = قد تتعطل شبكات الهاتف أو مزوّد الصوت أو خادمنا. ونصلح ما يخصنا بأسرع ما يمكن، وما زاد على ذلك يحكمه القانون وطلبك.
site-terms-end-h = إنهاء الخدمة
site-terms-end = يمكنك التوقف في نهاية أي فترة مدفوعة، وتحصل على مكالماتك في ملف قبل حذفها.
site-terms-law-h = القانون
site-terms-law = يسري قانون { $law }.

## chat

site-chat-title = تحدث معنا
site-chat-description = تراسل مع أحد أفراد فريق { $name }.
site-chat-before = تدير Intercom الدردشة، ولا يُحمَّل منها شيء حتى تبدأها.
site-chat-start = ابدأ الدردشة
site-chat-starting = جارٍ بدء الدردشة
site-chat-open = الدردشة مفتوحة في زاوية هذه الصفحة.
site-chat-failed = الدردشة غير متاحة الآن. يمكنك الوصول إلينا كما هو مبيّن أدناه.
site-chat-script = تحتاج الدردشة إلى JavaScript. ومن دونه يمكنك الوصول إلينا كما هو مبيّن أدناه.
site-chat-else = طرق أخرى

## problems

site-problem-missing-h = لا توجد صفحة كهذه
site-problem-missing = ربما كُتب العنوان خطأً أو نُقلت الصفحة.
site-problem-failed-h = حدث خطأ ما
site-problem-failed = الخطأ منا وقد دُوّن. وربما لم يُحفظ ما فعلته.
site-problem-away-h = غير متاح مؤقتاً
site-problem-away = جزء من الخادم لا يستجيب. يُرجى المحاولة بعد قليل.
site-problem-busy-h = محاولات كثيرة
site-problem-busy = يُرجى الانتظار قليلاً ثم المحاولة.
site-problem-odd-h = طلب غير مفهوم
site-problem-odd = هناك خطأ في العنوان أو النموذج. ولم يتغير شيء.
site-problem-request = الطلب { $id }
site-problem-home = إلى الصفحة الرئيسية
