# Words of the pages around signing in. Each file of this name in the other languages has the same keys.

account-skip = انتقل إلى المحتوى
account-demonstration = عرض توضيحي: مكالمات محاكاة
account-email = البريد الإلكتروني
account-password = كلمة المرور
account-back = العودة إلى تسجيل الدخول
account-password-hint = { $least } حرفًا على الأقل. بضع كلمات متتالية يسهل تذكّرها.
account-password-bad = تتكوّن كلمة المرور من { $least } إلى { $most } حرفًا.

account-signin-title = تسجيل الدخول
account-signin-new = تم تعيين كلمة المرور الجديدة. سجّل الدخول بها.
account-signin-forgot = هل نسيت كلمة المرور؟
account-signin-none = ليس لديك حساب؟ يمكن لأحد العاملين في عيادتك دعوتك.
account-wrong = البريد الإلكتروني أو كلمة المرور غير صحيحة.
account-wait = { $minutes ->
        [one] محاولات كثيرة جدًا. انتظر دقيقة ثم حاول مرة أخرى.
        [two] محاولات كثيرة جدًا. انتظر دقيقتين ثم حاول مرة أخرى.
        [few] محاولات كثيرة جدًا. انتظر { $minutes } دقائق ثم حاول مرة أخرى.
       *[other] محاولات كثيرة جدًا. انتظر { $minutes } دقيقة ثم حاول مرة أخرى.
    }

account-forgot-title = هل نسيت كلمة المرور؟
account-forgot-line = أخبرنا بالعنوان الذي تسجّل الدخول به، وسنرسل إليك رابطًا لتعيين كلمة مرور جديدة.
account-forgot-button = إرسال الرابط
account-sent-title = تحقّق من بريدك
account-sent-line = إذا كان هناك حساب بهذا العنوان، فستصلك رسالة فيها رابط. يعمل الرابط مرة واحدة ولمدة ساعة.
account-sent-hint = لم يصل شيء بعد بضع دقائق؟ ابحث في الرسائل غير المرغوب فيها، أو اسأل من يدير هذا النظام.

account-reset-title = تعيين كلمة مرور جديدة
account-reset-field = كلمة المرور الجديدة
account-reset-button = تعيين كلمة المرور
account-reset-note = سيتم تسجيل خروج كل متصفح وبرنامج سجّل الدخول بحسابك.
account-reset-gone = هذا الرابط لم يعد يعمل
account-reset-gone-line = يعمل مرة واحدة ولمدة ساعة.
account-reset-again = اطلب رابطًا جديدًا

account-join-title = الانضمام إلى { $organization }
account-join-role = أنت مدعو بصفة: { $role }
account-join-known = لديك حساب بهذا العنوان. سجّل الدخول بكلمة مروره للانضمام.
account-join-name = اسمك
account-join-choose = اختر كلمة مرور
account-join-button = انضمام
account-join-name-bad = يجب أن يتكوّن اسمك من حرف واحد إلى { $most } حرفًا.
account-join-wrong = كلمة المرور غير صحيحة.
account-join-gone = هذه الدعوة لم تعد تعمل
account-join-gone-line = ربما انتهت صلاحيتها أو استُخدمت أو سُحبت. اطلب دعوة جديدة ممن أرسلها.
account-role-viewer = مشاهد
account-role-member = عضو
account-role-admin = مشرف
account-role-owner = مالك
