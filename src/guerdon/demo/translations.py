"""What the demo's options are called in the languages of the widget, by the option's name."""

TRANSLATIONS: dict[str, dict[str, dict[str, str]]] = {
    "5c787af5-d28e-4567-809c-b030877d9355": {
        "ar": {
            "title": "تذكرتان مجانيتان",
            "description": "مقعدان في أي مباراة على أرضنا هذا الموسم.",
        },
        "de": {
            "title": "Freikarten",
            "description": "Zwei Plätze bei einem Heimspiel dieser Saison.",
        },
        "es": {
            "title": "Entradas gratis",
            "description": "Dos asientos en cualquier partido en casa de esta temporada.",
        },
        "fr": {
            "title": "Billets offerts",
            "description": "Deux places pour un match à domicile de cette saison.",
        },
        "pt": {
            "title": "Bilhetes grátis",
            "description": "Dois lugares em qualquer jogo em casa desta época.",
        },
        "pt-BR": {
            "title": "Ingressos grátis",
            "description": "Dois lugares em qualquer jogo em casa desta temporada.",
        },
    },
    "0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a01": {
        "ar": {
            "title": "قهوة على حسابنا",
            "description": "قسيمة لأي مشروب، صالحة لمدة 30 يومًا.",
        },
        "de": {
            "title": "Kaffee aufs Haus",
            "description": "Ein Gutschein für ein Getränk nach Wahl, 30 Tage gültig.",
        },
        "es": {
            "title": "Un café de nuestra parte",
            "description": "Un vale para cualquier bebida, válido 30 días.",
        },
        "fr": {
            "title": "Un café offert",
            "description": "Un bon pour la boisson de votre choix, valable 30 jours.",
        },
        "pt": {
            "title": "Café por nossa conta",
            "description": "Um vale para qualquer bebida, válido por 30 dias.",
        },
    },
    "0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a02": {
        "ar": {
            "title": "حقيبة قماش",
            "description": "تُرسل إلى عنوانك خلال أسبوع.",
            "usedUpMessage": "نفدت الحقائب، أو لديك ثلاث منها بالفعل.",
        },
        "de": {
            "title": "Stofftasche",
            "description": "Kommt innerhalb einer Woche zu Ihnen nach Hause.",
            "usedUpMessage": "Vergriffen, oder Sie haben schon drei.",
        },
        "es": {
            "title": "Bolsa de lona",
            "description": "La enviamos a tu dirección en una semana.",
            "usedUpMessage": "Agotada, o ya tienes tres.",
        },
        "fr": {
            "title": "Sac en toile",
            "description": "Envoyé à votre adresse sous une semaine.",
            "usedUpMessage": "Épuisé, ou vous en avez déjà trois.",
        },
        "pt": {
            "title": "Saco de lona",
            "description": "Enviado para a sua morada no prazo de uma semana.",
            "usedUpMessage": "Esgotado, ou já tem três.",
        },
    },
    "0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a03": {
        "ar": {"title": "شهر من البث", "description": "شهر واحد، جميع القنوات."},
        "de": {"title": "Ein Monat Streaming", "description": "Ein Monat, alle Kanäle."},
        "es": {"title": "Un mes de streaming", "description": "Un mes, todos los canales."},
        "fr": {"title": "Un mois de streaming", "description": "Un mois, toutes les chaînes."},
        "pt": {"title": "Um mês de streaming", "description": "Um mês, todos os canais."},
    },
    "0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a04": {
        "ar": {
            "title": "استرداد نقدي",
            "description": "حوّل رموزك إلى مال في حسابك.",
        },
        "de": {
            "title": "Geld zurück",
            "description": "Aus Punkten wird Geld auf Ihrem Konto.",
        },
        "es": {
            "title": "Reembolso en efectivo",
            "description": "Convierte tus fichas en dinero en tu cuenta.",
        },
        "fr": {
            "title": "De l’argent en retour",
            "description": "Changez vos jetons en argent sur votre compte.",
        },
        "pt": {
            "title": "Dinheiro de volta",
            "description": "Transforme fichas em dinheiro na sua conta.",
        },
    },
    "0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a05": {
        "ar": {
            "title": "عطلة نهاية أسبوع في الجبال",
            "description": "ليلتان لشخصين، للأعضاء الذهبيين والبلاتينيين.",
            "blockedMessage": "للأعضاء الذهبيين والبلاتينيين.",
        },
        "de": {
            "title": "Wochenende in den Bergen",
            "description": "Zwei Nächte zu zweit, für Gold- und Platin-Mitglieder.",
            "blockedMessage": "Für Gold- und Platin-Mitglieder.",
        },
        "es": {
            "title": "Fin de semana en la montaña",
            "description": "Dos noches para dos, para socios oro y platino.",
            "blockedMessage": "Para socios oro y platino.",
        },
        "fr": {
            "title": "Week-end à la montagne",
            "description": "Deux nuits pour deux, pour les membres or et platine.",
            "blockedMessage": "Réservé aux membres or et platine.",
        },
        "pt": {
            "title": "Fim de semana na montanha",
            "description": "Duas noites para dois, para membros ouro e platina.",
            "blockedMessage": "Para membros ouro e platina.",
        },
    },
}
