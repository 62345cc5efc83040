"""How medical facts are asked about and answered: by a patient and by a doctor, in writing and in speech."""

from dataclasses import replace

from domains.wording import DEFINITION, Circumstances, Phrasebook, Wording


def asked(
    answer: str,
    *,
    formal: tuple[str, ...],
    colloquial: tuple[str, ...],
    patient: tuple[str, ...],
    doctor: tuple[str, ...],
    kept: tuple[str, ...],
    joint: str = "和",
) -> Wording:
    """A wording in four voices: written, spoken, of a patient about themselves, of a doctor or nurse."""
    voices = {"formal": formal, "colloquial": colloquial, "patient": patient, "doctor": doctor}
    return Wording(answer, voices, kept, joint)


DISEASE = {
    DEFINITION: asked(
        answer="{name}是{items}。",
        formal=("什么是{name}？", "请解释一下{name}。", "请简要解释{name}的含义。", "{name}指的是怎样的一种病？"),
        colloquial=("{name}是个啥病？", "{name}究竟是种啥毛病？", "给我讲讲{name}是啥吧。"),
        patient=("医生说我得了{name}，这是什么病？", "我没听过{name}，能告诉我是什么吗？"),
        doctor=("怎样向患者介绍{name}？", "病人问起{name}是什么，该怎么说？"),
        kept=("请用一句话说明{name}。", "老听人提起{name}，到底是什么？"),
    ),
    "症状": asked(
        answer="{name}的常见症状有{items}。",
        formal=(
            "{name}的常见症状有哪些？",
            "{name}有哪些临床表现？",
            "{name}会表现出哪些症状？",
            "要是发作了，{name}会有哪些表现？",
        ),
        colloquial=("得了{name}会有啥不舒服？", "得了{name}的人，身上哪儿难受？"),
        patient=(
            "我担心自己得了{name}，会有什么症状？",
            "我感觉像得了{name}，一般有啥表现？",
            "我最近查出{name}，身体会有什么不适？",
        ),
        doctor=("问诊{name}患者，应留意哪些表现？", "家属问{name}有啥症状，怎么回答？"),
        kept=("{name}发作起来有什么感觉？", "家人得了{name}，身上会出现哪些症状？"),
    ),
    "病因": asked(
        answer="{name}的常见病因有{items}。",
        formal=("{name}的病因有哪些？", "{name}是由什么引起的？", "{name}的发生与哪些因素有关？"),
        colloquial=("为啥会得{name}？", "好端端的咋就得了{name}？", "一个人得{name}，多半因为啥？"),
        patient=("我怎么会得上{name}呢？", "是什么导致我得了{name}？", "我得了{name}，想知道是什么原因。"),
        doctor=("分析{name}时，应考虑哪些病因？", "患者问为何得{name}，怎么解释？"),
        kept=("{name}多半是怎么来的？", "导致{name}的因素有哪些？"),
    ),
    "检查": asked(
        answer="{name}的常用检查有{items}。",
        formal=("{name}的常用检查有哪些？", "诊断{name}需要做哪些检查？", "有哪些检查可以明确{name}？"),
        colloquial=("查{name}要做啥项目？", "想弄清是不是{name}，去医院查啥？", "{name}得做些啥检查呢？"),
        patient=(
            "怀疑我有{name}，要查些什么？",
            "我想排除{name}，该做什么检查？",
            "我会不会是{name}，靠什么查得出来？",
        ),
        doctor=("疑似{name}，应开哪些检查？", "为确诊{name}，要安排哪些项目？"),
        kept=("怎么查出是不是{name}？", "确诊{name}要靠什么检查？"),
    ),
    "治疗": asked(
        answer="{name}的治疗方法有{items}。",
        formal=("{name}的治疗方法有哪些？", "{name}一般怎么治疗？", "请介绍{name}的治疗手段。"),
        colloquial=("{name}咋治？", "得了{name}有啥法子能治？", "{name}要咋对付才好？"),
        patient=("我得了{name}，该怎么治？", "医生说我是{name}，有什么办法治疗？", "我刚确诊{name}，接下来怎么治？"),
        doctor=("{name}患者的治疗原则是什么？", "接诊{name}患者，应如何处理？"),
        kept=("对付{name}有什么办法？", "查出{name}以后如何处理？"),
    ),
    "用药": asked(
        answer="{name}的常用药物有{items}，具体用药请遵医嘱。",
        formal=("{name}的常用药物有哪些？", "治疗{name}可选哪些药？", "请列出{name}的常用药。"),
        colloquial=("{name}一般用啥药？", "得了{name}，用点啥药好？", "{name}有啥药能治呀？"),
        patient=("我有{name}，医生会开什么药？", "我得了{name}，想知道能用什么药。", "我查出{name}，有没有合适的药？"),
        doctor=("{name}患者应选用哪些药物？", "给{name}患者开药，可以选哪些？"),
        kept=("{name}要用什么药才好？", "哪些药可以用于{name}？"),
    ),
    "科室": asked(
        answer="{name}的就诊科室是{items}。",
        formal=("{name}应到哪个科室就诊？", "{name}属于哪个科室诊治？", "患{name}后应前往哪个科室？"),
        colloquial=("{name}挂啥号？", "得了{name}上医院找哪个科？", "{name}归哪个科管呀？"),
        patient=(
            "我得了{name}，该挂哪个科？",
            "我想看{name}，要预约哪个科的号？",
            "我怀疑是{name}，请哪科医生看合适？",
        ),
        doctor=("{name}患者应转到哪个科室？", "{name}患者来咨询，建议挂哪科？"),
        kept=("看{name}要找什么科的医生？", "去医院看{name}，挂什么号合适？"),
        joint="或",
    ),
    "并发症": asked(
        answer="{name}的并发症有{items}。",
        formal=(
            "{name}的并发症有哪些？",
            "{name}可引起哪些并发症？",
            "{name}长期不治会有哪些后果？",
            "{name}可能继发哪些疾病？",
        ),
        colloquial=("{name}拖着会惹出啥病？", "不好好控制{name}，会添啥毛病？"),
        patient=(
            "我的{name}会不会引出别的病？",
            "我怕{name}变严重，会有什么并发症？",
            "我的{name}一直没好，会带来别的病吗？",
        ),
        doctor=("应警惕{name}的哪些并发症？", "{name}患者随访，要防哪些并发症？"),
        kept=("{name}严重了会带来什么后果？", "{name}控制不好会怎么样？"),
    ),
    "预防": asked(
        answer="{name}的预防要点是{items}。",
        formal=("如何预防{name}？", "{name}的预防要点有哪些？", "怎样做才能避免患上{name}？"),
        colloquial=("咋样才能不得{name}？", "平常咋防{name}啊？", "平日要做点啥，{name}才不找上门？"),
        patient=(
            "我怕得{name}，平时要注意什么？",
            "我不想得{name}，生活里要做到哪些？",
            "家里有人得过{name}，我该怎么防？",
        ),
        doctor=("怎样指导大家预防{name}？", "给居民讲{name}的防范，说哪几点？"),
        kept=("想远离{name}该怎么做？", "日常怎样防范{name}？"),
    ),
    "传染性": asked(
        answer="{name}{items}。",
        formal=("{name}有传染性吗？", "{name}是传染病吗？", "请问{name}能在人之间传播吗？", "{name}是否具有传染性？"),
        colloquial=("{name}传不传人？", "挨着得{name}的人，染得上吗？", "跟得{name}的人一起吃饭要紧吗？"),
        patient=("家里有人得{name}，会传给我吗？", "同事得了{name}，我会被传染吗？"),
        doctor=("怎样说明{name}的传染性？", "护理{name}患者，要防传染吗？"),
        kept=("{name}会不会传染？", "和{name}患者接触会被传上吗？"),
        joint="，",
    ),
    "饮食": asked(
        answer="{name}的饮食建议是{items}。",
        formal=("{name}的饮食建议有哪些？", "{name}在饮食上要注意什么？", "{name}患者的饮食应如何安排？"),
        colloquial=("得了{name}吃饭有啥讲究？", "得了{name}，啥能吃啥不能吃？", "有{name}的人，嘴上要忌点啥？"),
        patient=("我有{name}，平时怎么吃？", "我得了{name}，每天三顿饭怎么吃好？", "我查出{name}，哪些东西要少吃？"),
        doctor=("如何指导{name}患者的饮食？", "{name}患者问该吃什么，怎么答？"),
        kept=("{name}的人一日三餐怎么安排？", "{name}期间该吃什么、少吃什么？"),
    ),
    "就医信号": asked(
        answer="{name}的就医信号有{items}，出现时要立即就医。",
        formal=("{name}的就医信号有哪些？", "{name}出现哪些情况要立即就医？", "{name}有哪些表现提示病情危急？"),
        colloquial=("{name}啥时候得赶紧去医院？", "{name}闹成啥样得马上送医院？", "得了{name}，见到啥苗头要赶紧就医？"),
        patient=(
            "我有{name}，什么情况要马上看医生？",
            "我得了{name}，哪些危险信号要当心？",
            "我有{name}，怎么知道不能拖、得去急诊？",
        ),
        doctor=("应提醒{name}患者警惕哪些信号？", "{name}患者回家前，要交代哪些险情？"),
        kept=("{name}到什么地步不能再拖？", "{name}有哪些危险的苗头？"),
    ),
}

DRUG = {
    DEFINITION: asked(
        answer="{name}是{items}。",
        formal=("什么是{name}？", "请解释一下{name}。", "请说说{name}是何种药物。"),
        colloquial=("{name}是个啥药？", "跟我讲讲{name}是啥药。", "头一回听说{name}，那是啥药呀？"),
        patient=(
            "医生给我开了{name}，这是什么药？",
            "我在药盒上看到{name}，这究竟是什么？",
            "我想了解{name}，能告诉我是什么药吗？",
        ),
        doctor=("怎样向患者介绍{name}？", "患者问{name}是什么药，怎么说？"),
        kept=("请用一句话说明{name}。", "{name}到底是一种什么药？"),
    ),
    "类别": asked(
        answer="{name}的药物类别是{items}。",
        formal=("{name}的药物类别是什么？", "{name}属于哪类药物？", "请说明{name}的药理分类。"),
        colloquial=("{name}算哪一类药？", "{name}跟哪类药是一家的？", "要分类的话，{name}归到哪一类去？"),
        patient=("我用的{name}是哪类药？", "我手上的{name}，分类上算什么药？", "医生开的{name}，属于什么类型？"),
        doctor=("按药理分类，{name}归入哪类？", "给药品归类，{name}放在哪类里？"),
        kept=("{name}归在什么药里？", "从分类上看，{name}是什么药？"),
    ),
    "适应症": asked(
        answer="{name}的适应症有{items}。",
        formal=(
            "{name}的适应症有哪些？",
            "{name}适用于哪些情况？",
            "{name}可用于治疗哪些疾病？",
            "请列出{name}能治疗的病症。",
        ),
        colloquial=("{name}是治啥的？", "啥毛病该用{name}呀？"),
        patient=("医生让我用{name}，是治什么的？", "我家里有{name}，能治哪些病？", "我想知道{name}是对付什么病的。"),
        doctor=("哪些患者适合使用{name}？", "临床上遇到哪些情况会开{name}？"),
        kept=("{name}主要管什么病？", "什么情况下会用到{name}？"),
    ),
    "用法要点": asked(
        answer="{name}的用法要点是{items}。",
        formal=("{name}的用法要点有哪些？", "如何正确使用{name}？", "请说明{name}的使用方法。"),
        colloquial=("{name}咋用？", "教教我{name}要咋用。", "{name}啥时候用、咋用好呢？"),
        patient=(
            "我第一次用{name}，怎么用才对？",
            "医生开了{name}，我该按什么方法用？",
            "我用{name}，用法上有哪几条要记牢？",
        ),
        doctor=("交代{name}的用法时要说什么？", "教患者使用{name}，方法上讲哪些？"),
        kept=("{name}怎么个用法？", "使用{name}的方法上要记住什么？"),
    ),
    "禁忌": asked(
        answer="{name}的禁忌有{items}。",
        formal=("{name}的禁忌有哪些？", "哪些人禁用{name}？", "哪些情况下应禁止使用{name}？"),
        colloquial=("啥人不能用{name}？", "{name}谁用不得呀？", "有啥病的人碰不得{name}？"),
        patient=(
            "我能不能用{name}，有什么禁忌？",
            "我想用{name}，哪种情况用不得？",
            "我身体不好，{name}是不是不能用？",
        ),
        doctor=("开{name}前要排除哪些禁忌？", "哪些患者不宜给予{name}？"),
        kept=("什么情况下不能碰{name}？", "{name}对谁不合适？"),
    ),
    "不良反应": asked(
        answer="{name}的不良反应有{items}。",
        formal=("{name}的不良反应有哪些？", "{name}可引起哪些不良反应？", "请列举{name}的常见副作用。"),
        colloquial=("{name}有啥副作用？", "用上{name}，人会有啥不舒服？", "{name}对身子有啥坏处没？"),
        patient=(
            "我在用{name}，会有哪些副作用？",
            "我担心{name}伤身，用后会怎样？",
            "我刚用上{name}，哪些反应算是副作用？",
        ),
        doctor=("用{name}要观察哪些不良反应？", "要告知患者{name}的哪些副作用？"),
        kept=("{name}用了身体会有什么反应？", "{name}伤不伤身，有什么副作用？"),
    ),
    "相互作用": asked(
        answer="{name}的相互作用要点是{items}。",
        formal=("{name}有哪些药物相互作用？", "{name}与其他药合用要注意什么？", "哪些药物应避免与{name}合用？"),
        colloquial=("{name}跟啥犯冲？", "{name}能跟别的药一块儿用吗？", "啥药别跟{name}搭着用？"),
        patient=(
            "我在吃别的药，能同时用{name}吗？",
            "我还有别的药，和{name}一起用行吗？",
            "我每天用{name}，再加药会不会有问题？",
        ),
        doctor=("合用{name}时应留意哪些影响？", "审核{name}的处方，要避开哪些配伍？"),
        kept=("{name}不宜和什么一起用？", "{name}与什么同用会有问题？"),
    ),
    "注意事项": asked(
        answer="{name}的注意事项有{items}。",
        formal=("{name}的注意事项有哪些？", "使用{name}时应注意什么？", "{name}用药过程中须留意哪些事？"),
        colloquial=("用{name}要留神啥？", "用{name}有啥要小心的没？", "当心点儿啥，{name}用着才放心？"),
        patient=(
            "我要开始用{name}，要注意什么？",
            "我正在用{name}，有什么要提醒我的？",
            "医生给我{name}，有哪些地方要小心？",
        ),
        doctor=("怎样叮嘱使用{name}的患者？", "发{name}给患者时，该提醒哪些事？"),
        kept=("{name}使用期间有哪些提醒？", "用{name}的日子里要当心什么？"),
    ),
}

SYMPTOM = {
    DEFINITION: asked(
        answer="{name}是指{items}。",
        formal=("什么是{name}？", "{name}指的是什么？", "医学上怎么定义{name}？"),
        colloquial=("{name}说的是啥情况？", "啥样算是{name}呀？", "给我讲讲啥叫{name}。"),
        patient=(
            "病历上写我有{name}，这是什么意思？",
            "我不懂{name}，能告诉我是什么吗？",
            "我听医生说到{name}，究竟指什么？",
        ),
        doctor=("怎样向患者解释{name}？", "家属问{name}是什么，怎么说？"),
        kept=("请用一句话说明{name}。", "{name}到底是怎样一种表现？"),
    ),
    "常见原因": asked(
        answer="{name}的常见原因有{items}。",
        formal=("{name}的常见原因有哪些？", "哪些情况会引起{name}？", "是什么造成了{name}？"),
        colloquial=("为啥会{name}？", "{name}是咋回事，啥闹的？", "好好的咋会有{name}呢？"),
        patient=("我这几天{name}，可能是什么原因？", "我最近一直有{name}，怎么会这样？", "我想知道{name}是因为什么。"),
        doctor=("遇到{name}应考虑哪些原因？", "患者有{name}，要排查哪些原因？"),
        kept=("{name}多半是怎么造成的？", "总是{name}，会是什么引起的？"),
    ),
    "科室": asked(
        answer="{name}的就诊科室是{items}。",
        formal=("{name}应到哪个科室就诊？", "出现{name}应挂什么科？", "有{name}的患者应前往哪个科？"),
        colloquial=("{name}挂啥号？", "有了{name}上医院找哪个科？", "{name}归哪科大夫看呀？"),
        patient=("我有{name}，该去看哪个科？", "我出现{name}，要预约哪个科的号？", "我总有{name}，请哪科医生看合适？"),
        doctor=("{name}患者应分诊到哪个科室？", "{name}患者来咨询，建议挂哪科？"),
        kept=("看{name}要找什么科的医生？", "因为{name}去医院，挂哪个号合适？"),
        joint="或",
    ),
    "护理要点": asked(
        answer="{name}的护理要点是{items}。",
        formal=(
            "{name}的护理要点有哪些？",
            "出现{name}时应如何护理？",
            "请说明{name}的居家护理方法。",
            "对{name}患者应做哪些护理？",
        ),
        colloquial=("{name}在家咋照顾？", "有{name}的人，该咋照看？", "亲人有{name}，家里要做点啥？"),
        patient=("我有{name}，自己能做些什么？", "我出现{name}，日常该怎么护理自己？"),
        doctor=("怎样指导{name}患者护理？", "{name}患者的照料，要交代哪些？"),
        kept=("{name}的时候怎样照料？", "家人{name}，日常怎么照看？"),
    ),
    "就医信号": asked(
        answer="{name}的就医信号有{items}，出现时要立即就医。",
        formal=("{name}的就医信号有哪些？", "{name}出现哪些情况要立即就医？", "{name}时哪些表现提示病情危急？"),
        colloquial=("{name}啥时候得赶紧去医院？", "{name}闹成啥样得马上送医院？", "有了{name}，见到啥苗头要赶紧就医？"),
        patient=(
            "我有{name}，什么情况要马上看医生？",
            "我出现{name}，哪些危险信号要当心？",
            "我有{name}，怎么知道不能拖、得去急诊？",
        ),
        doctor=("应提醒{name}患者警惕哪些信号？", "{name}患者回家前，要交代哪些险情？"),
        kept=("{name}到什么地步不能再拖？", "{name}有哪些危险的苗头？"),
    ),
}

EXAMINATION = {
    DEFINITION: asked(
        answer="{name}是{items}。",
        formal=("什么是{name}？", "{name}是一项什么检查？", "请解释一下{name}。"),
        colloquial=("{name}查的是个啥？", "{name}是啥检查呀？", "给我讲讲{name}是咋回事。"),
        patient=(
            "医生让我做{name}，这是什么？",
            "单子上写着{name}，那是什么检查？",
            "我没做过{name}，能说说是什么吗？",
        ),
        doctor=("怎样向患者说明{name}？", "患者问{name}是什么，怎么回答？"),
        kept=("请用一句话介绍{name}。", "{name}具体是怎样的检查？"),
    ),
    "用途": asked(
        answer="{name}的用途是{items}。",
        formal=(
            "{name}的用途有哪些？",
            "为什么要做{name}？",
            "请说明{name}的临床用途。",
            "通过{name}能够发现哪些问题？",
        ),
        colloquial=("做{name}能看出啥？", "干嘛要做{name}呀？", "{name}能让人弄明白啥？"),
        patient=("我要做{name}，能查出什么？", "我做了{name}，可以知道些什么？"),
        doctor=("{name}可用来了解哪些问题？", "开{name}是为了弄清哪些情况？"),
        kept=("{name}有什么用处？", "靠{name}可以弄清什么？"),
    ),
    "注意事项": asked(
        answer="{name}的注意事项有{items}。",
        formal=("{name}的注意事项有哪些？", "做{name}前后要注意什么？", "做{name}前需要哪些准备？"),
        colloquial=("做{name}有啥讲究？", "要做{name}了，得小心啥呢？", "做{name}的人要留神点啥？"),
        patient=(
            "我明天做{name}，要准备什么？",
            "我约了{name}，去之前要当心哪些事？",
            "我头一次做{name}，有什么要提醒我？",
        ),
        doctor=("怎样叮嘱做{name}的患者？", "给患者约{name}时，要交代些什么？"),
        kept=("{name}之前有哪些提醒？", "去做{name}时要当心什么？"),
    ),
}

DEPARTMENT = {
    DEFINITION: asked(
        answer="{name}是{items}。",
        formal=("什么是{name}？", "{name}是什么样的科室？", "请说明{name}是什么科室。"),
        colloquial=("{name}是个啥科？", "给我讲讲{name}是啥科。", "头回听说{name}，那是个啥地方？"),
        patient=(
            "医生让我去{name}，那是什么科？",
            "我被转到{name}，这是什么科室？",
            "我没去过{name}，能说说是什么科吗？",
        ),
        doctor=("怎样向患者介绍{name}？", "患者问{name}是什么科，怎么说？"),
        kept=("请用一句话介绍{name}。", "{name}到底是怎样的科室？"),
    ),
    "诊疗范围": asked(
        answer="{name}的诊疗范围包括{items}。",
        formal=("{name}的诊疗范围有哪些？", "{name}主要诊治哪些疾病？", "{name}负责诊疗哪些病症？"),
        colloquial=("{name}都看啥病？", "得了啥病该上{name}呀？", "{name}的大夫都会治啥？"),
        patient=("我想挂{name}，那里看什么病？", "我有哪些不舒服可以找{name}？", "我想知道{name}收治哪些病人。"),
        doctor=("哪些患者应转到{name}？", "分诊时，哪些问题归{name}看？"),
        kept=("什么病要去{name}？", "{name}能看哪些问题？"),
    ),
}

WORDINGS: dict[str, dict[str, Wording]] = {
    "disease": DISEASE,
    "drug": DRUG,
    "symptom": SYMPTOM,
    "examination": EXAMINATION,
    "department": DEPARTMENT,
}

# {symptoms} are reversed in the questions kept for testing, or they would share their longest run with training
REVERSE = asked(
    answer="{items}可能是{diseases}，建议尽早到{departments}就诊确认。",
    formal=(
        "出现{symptoms}，可能是什么疾病？",
        "{symptoms}提示可能患有哪种病？",
        "同时有{symptoms}，常见于哪些疾病？",
        "{symptoms}都有，说明得了什么病？",
    ),
    colloquial=("又是{symptoms}，可能得了啥病？", "老是{symptoms}，是啥毛病呀？"),
    patient=(
        "我这几天{symptoms}，可能是什么病？",
        "我总觉得{symptoms}，是不是得了什么病？",
        "我出现了{symptoms}，想知道是什么病。",
    ),
    doctor=("患者有{symptoms}，应考虑什么病？", "来诊者{symptoms}，首先怀疑什么病？"),
    kept=("{turned}一起出现，会是哪种病？", "家人{turned}，需要考虑哪些病？"),
)

COMPARISON = asked(
    answer="{name}和{other}都可有{shared}；{name}还常见{own}，{other}还常见{others}。",
    formal=("{name}和{other}有什么区别？", "{name}与{other}的症状有何异同？", "{name}与{other}在表现上有哪些异同？"),
    colloquial=("{name}跟{other}咋分？", "咋看出是{name}还是{other}？", "{name}像{other}吗，有啥不同？"),
    patient=(
        "我分不清{name}和{other}，怎么区别？",
        "我是{name}还是{other}，怎么分得清？",
        "我想知道{name}和{other}差在哪里。",
    ),
    doctor=("如何鉴别{name}和{other}？", "问诊时凭什么分辨{name}与{other}？"),
    kept=("{other}同{name}像在哪、不同在哪？", "怎样把{other}与{name}区分开？"),
)

COMPARISON_READ = "{name}的症状有{symptoms}；{other}的症状有{others}。两者都可有{shared}。"
"""Answers ``COMPARISON`` where both entries are read: what each has first, from which what they share can be seen."""


def figure(attribute: str, *, patient: str) -> Wording:
    """A figure that the knowledge base does not contain, and users ask for nevertheless.

    Args:
        attribute: What is asked for, e.g. 治愈率.
        patient: How a patient asks who has or takes it, with ``{attribute}``.
    """
    asking = asked(
        answer="知识库中没有{name}{attribute}的记载，建议咨询医生或药师。",
        formal=(
            "{name}的{attribute}是多少？",
            "请告知{name}的{attribute}。",
            "请问{name}的{attribute}是多少？",
            "关于{name}，{attribute}的数值为何？",
            "能否告知{name}在{attribute}方面的确切数据？",
        ),
        colloquial=(
            "{name}{attribute}大概多少啊？",
            "想打听一下，{name}{attribute}大概什么数啊？",
            "替家里人问问，{name}的{attribute}到底有多少？",
            "网上说法都不一样，{name}{attribute}究竟算多少？",
        ),
        patient=(
            patient,
            "医生跟我提到{name}，{attribute}能给个准数吗？",
            "我的病历上写着{name}，{attribute}会是多少呢？",
        ),
        doctor=(
            "患者问{name}的{attribute}，怎么答？",
            "写宣教材料要用，{name}的{attribute}应该填多少？",
            "患者追问{name}的{attribute}，该答哪个数？",
        ),
        kept=("{name}的{attribute}有确切数字吗？", "能查到{name}的{attribute}吗？"),
    )

    def of(text: str) -> str:
        return text.replace("{attribute}", attribute)

    voices = {voice: tuple(map(of, texts)) for voice, texts in asking.voices.items()}
    return replace(asking, answer=of(asking.answer), voices=voices, kept=tuple(map(of, asking.kept)))


UNKNOWN: dict[str, dict[str, Wording]] = {
    "disease": {
        attribute: figure(attribute, patient="我得了{name}，{attribute}有多少？")
        for attribute in ("治愈率", "发病率", "治疗费用", "住院天数", "复发率")
    },
    "drug": {
        attribute: figure(attribute, patient="我在用{name}，{attribute}该是多少？")
        for attribute in ("价格", "每次剂量", "每日剂量", "报销比例", "有效期")
    },
}
INVENTED_ANSWER = "知识库中没有{name}的记载，建议咨询医生或药师。"

EMERGENCY = asked(
    answer="请立即拨打120或前往急诊。这{cause}，不要拖延观察，也不要独自驾车就医。",
    formal=(
        "{sign}，应如何处理？",
        "突然{sign}，该怎么办？",
        "出现{sign}，应当如何应对？",
        "病人{sign}，第一步该做什么？",
        "出现{sign}时，是否需要立即就医？",
        "请问患者发生{sign}，家属应如何处置？",
        "{sign}属于急症吗，能否先预约门诊？",
        "如遇{sign}，拨打120还是自行就医？",
        "对于新近发生的{sign}，居家观察是否稳妥？",
    ),
    colloquial=(
        "家里人{sign}，咋办啊？",
        "家里有人{sign}，要紧不要紧？",
        "有个人{sign}，先躺会儿成不？",
        "我妈刚才{sign}，等到明天再去医院行不行啊？",
        "孩子{sign}，在家先看着点够不够？",
        "隔壁大爷{sign}，他儿女都不在身边，我该咋办？",
        "同事开会的时候{sign}，歇一会儿能缓过来吧？",
        "老公{sign}，又死活不肯去医院，要紧不？",
        "我奶奶八十多了，今早起来{sign}，是不是年纪大了都这样？",
        "朋友喝完酒{sign}，让他睡一觉就没事了吧？",
        "家里老人{sign}，下周复查一块儿看来得及吗？",
    ),
    patient=(
        "我现在{sign}，能先睡一觉再说吗？",
        "我突然{sign}，吃点药扛一扛行吗？",
        "我现在{sign}，太晚了，先睡一觉可以吗？",
        "本人{sign}，吃片药顶一顶行吗？",
        "医生您好，我{sign}，挂明天上午的号还赶得上吗？",
        "自己一个人在家，{sign}，能开车过去找你们看吗？",
        "半小时前开始{sign}，等等看会不会自己好？",
        "{sign}，忙完这两天再来成不成？",
        "我这种{sign}的情况，多休息能扛过去吗？",
    ),
    doctor=(
        "有人{sign}，要不要叫救护车？",
        "遇到{sign}的患者，怎样处置？",
        "病房里一位患者突发{sign}，护士第一步该做什么？",
        "现场急救遇到{sign}的伤者，转运前处理哪些？",
        "我是班主任，有学生{sign}，等家长还是叫救护车？",
    ),
    kept=("刚刚{sign}，在家观察行吗？", "身边的人{sign}，等明天再看可以吗？"),
)

# the second and third turn of a conversation only refer to the entity
POINTERS: dict[str, tuple[str, ...]] = {"disease": ("它", "这个病"), "drug": ("它", "这种药")}

# names that no textbook knows: a refusal must not depend on having seen the name
INVENTED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "disease": (
        ("洛川", "白屿", "恩托", "卡雷", "米索", "泽林", "乌兰特", "海音", "索维", "格林塔", "青岚", "维朗"),
        ("氏综合征", "氏热", "型皮病", "氏关节症", "性晕病"),
    ),
    "drug": (
        ("替瑞", "奥兰", "贝佐", "洛芙", "凯迪", "诺维", "希朗", "安珂", "美路", "德萨", "伊芙", "柯林"),
        ("多宁", "司韦", "那啶", "米特林", "替康酮"),
    ),
}

# who asks, where and how they feel, nothing that would change an answer: most complaints are no emergency, and a model
# that meets them in emergencies alone learns that each is one
CIRCUMSTANCES = Circumstances(
    training=(
        "我今年三十五，在工地上班。",
        "我妈七十多了，自己住。",
        "孩子五岁，上中班。",
        "我是小学老师，天天讲课。",
        "我在外地打工。",
        "家里就我跟老伴两个人。",
        "我爸退休三年了。",
        "我们刚搬到这边。",
        "我是跑长途的司机。",
        "帮邻居问一句。",
        "我婆婆不识字，让我来问。",
        "女儿刚上一年级。",
        "我在超市做收银。",
        "我平时坐办公室。",
        "爱人在厂里三班倒。",
        "周末打算去趟医院。",
        "前天刚做完体检。",
        "说明书让我弄丢了。",
        "上网查了半天没看懂。",
        "我是社区卫生站的护士。",
        "打扰了，想请教一下。",
        "家里两个娃，大的六岁。",
        "我在备考护士资格证。",
        "我家小的一岁半，我自己带。",
        "疼了一晚上没睡踏实。",
        "难受好几天了，饭还吃得下。",
        "断断续续大半年了，时好时坏。",
        "一使劲就疼，歇歇好一些。",
        "走路有点瘸，请了两天假。",
        "声音都变了，上课只好少说话。",
        "孩子没去上学，在家玩得挺好。",
        "姐弟俩一个刚好，一个又开始了。",
        "这两天没精神，干活提不起劲。",
        "拖了一个多礼拜没去看，也没更厉害。",
        "又犯了，跟上回一样。",
        "痒得老想抓，别的倒没什么。",
    ),
    kept=(
        "我四十二，开出租的。",
        "老伴今年六十八。",
        "儿子念初二，住校。",
        "我是幼儿园的保育员。",
        "替我舅舅打听一下。",
        "我在家种地。",
        "昨天门诊人太多没问清。",
        "家有双胞胎，快三岁了。",
        "疼得上下楼都慢慢走。",
        "有三四天了，能吃能睡。",
        "嗓门都压低了，怕费劲。",
        "老毛病，天一凉就来。",
    ),
)

PHRASEBOOK = Phrasebook(
    wordings=WORDINGS,
    pointers=POINTERS,
    unknown=UNKNOWN,
    invented=INVENTED,
    invented_answer=INVENTED_ANSWER,
    not_given="所给资料没有提到{name}的{attribute}，建议咨询医生或药师。",
    ask_back="没有找到相关资料：问题里没有说是哪种疾病、症状或药物。请问您问的是哪一种？",
    emergency=EMERGENCY.answer.format(cause="可能危及生命"),
    circumstances=CIRCUMSTANCES,
    leaning="伴",  # on the symptom before
)
