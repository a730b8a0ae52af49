# Words of the public site.

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
site-home-title = يُرَدّ على الهاتف قبل الرنّة الثانية
site-home-description = يردّ { $name } على كل مكالمة إلى عيادتك، ويحجز الموعد، ويحوّل المكالمة إلى فريقك عندما يلزم تدخّل إنسان.
