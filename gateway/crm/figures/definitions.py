"""The one place that says what each figure means: the API, the documentation and the code refer to it.

People are devices divided by the phones found a person (docs/counts.md). A member of a party is a person.
"""

from dataclasses import dataclass
from typing import Literal

from contracts.site import Name

Unit = Literal["people", "visits", "receipts", "h", "s", "share", "ratio", "money", "money/m2"]
"""`share`: of a whole, 0 to 1. `ratio`: may exceed 1. `money`: the site's currency."""
Of = Literal["mall", "floor", "zone", "mall and zone"]


@dataclass(frozen=True, slots=True)
class Definition:
    """What a figure means, how its 90 % interval is made, and what it is made of."""

    id: str
    name: Name
    unit: Unit
    of: Of
    """Of what there is one."""
    definition: Name
    interval: str
    source: str


_PEOPLE = "normal on the logarithm: phones a person, chance, and what the engine misses and splits"
_SHARE = "Jeffreys (beta) with the number of devices cut down to what the engine's errors leave of it"
_BOUNCE = "from 0 to the upper end of Jeffreys' (beta): what the engine splits only adds to it"
_RATIO = "delta method on the logarithm: as the interval of the visits below the line; receipts are exact"
_EXACT = "exact: what the tills said"
_VISITS = "visits of zones"
_MINUTES = "minutes of zones and of the mall"
_PATHS = "paths from coming in to leaving"
_SALES = "receipts"


def _definition(
    id_: str, of: Of, unit: Unit, name: tuple[str, str], en: str, zh: str, interval: str, source: str
) -> Definition:
    """Return a definition; its texts may be broken into lines anywhere, Chinese between any characters."""
    text = Name(en=" ".join(en.split()), zh="".join(line.strip() for line in zh.splitlines()))
    return Definition(id_, Name(en=name[0], zh=name[1]), unit, of, text, interval, source)


DEFINITIONS = (
    _definition(
        "visits", "mall", "visits", ("Visits of the mall", "到访次数"),
        """
        How often a person came into the mall. Who is away for longer than tracking.vanish_s and comes
        back comes again.
        """,
        """
        有人进入商场的次数。离开超过 tracking.vanish_s 后再回来，算作又一次。
        """,
        _PEOPLE,
        _MINUTES,
    ),
    _definition(
        "visitors", "mall", "people", ("Unique visitors", "独立访客"),
        """
        Different people who came, each counted once a day: visits divided by visits per visitor. Nobody
        is recognised on another day, so over several days these are sums of days.
        """,
        """
        到访的不同人数，每人每天只计一次：到访次数除以人均到访次数。系统不跨日识别任何人，多日数值为各日
        之和。
        """,
        _PEOPLE,
        f"{_MINUTES}; {_PATHS}",
    ),
    _definition(
        "visits_per_visitor", "mall", "ratio", ("Visits per visitor", "人均到访次数"),
        """
        Paths divided by different devices that made them, within days. A phone that comes back under an
        address nobody can link is another device, so this is too low rather than too high.
        """,
        """
        路径数除以产生路径的不同设备数（按日）。换了地址且无法关联的手机会被当作另一台设备，因此该值偏低
        而不会偏高。
        """,
        "from 1 to the upper end of the delta method's on the mean of paths a device",
        _PATHS,
    ),
    _definition(
        "members", "mall", "people", ("Members who came", "到访会员"),
        """
        Members who agree to position analytics and were matched to at least one visit of the mall.
        """,
        """
        同意位置分析且至少匹配到一次到访的会员人数。
        """,
        "none: a count of members that were matched",
        "visits of members",
    ),
    _definition(
        "returning_share", "mall", "share", ("Returning members", "回头会员占比"),
        """
        Of the members who came (see members), those matched to a visit of the mall before the period,
        too; the others are new. Nothing is known of who is no member, nor of before a member agreed.
        """,
        """
        到访会员中，在该时段之前也曾到访的占比；其余为新到访会员。非会员以及会员同意之前的情况一概不知。
        """,
        "Jeffreys (beta): the members who came as a sample of those who might have",
        "visits of members",
    ),
    _definition(
        "bounce_rate", "mall", "share", ("Bounce rate", "跳出率"),
        """
        Of the paths that have visited a zone, those that visited one alone and ended within
        crm.bounce_min. Who is still there counts once it is known not to bounce. A phone whose new
        address nobody can link, and who passes by the wall, look the same: the rate is at most this.
        """,
        """
        在到访过区域的路径中，仅到访一个区域且在 crm.bounce_min 分钟内结束的占比。仍在场者在确定不属
        跳出后才计入。手机换了无法关联的地址，或有人贴墙路过，看起来与跳出相同：真实值至多如此。
        """,
        _BOUNCE,
        _PATHS,
    ),
    _definition(
        "members_bounce_rate", "mall", "share", ("Bounce rate of members", "会员跳出率"),
        """
        Of the visits of the mall of members who agree to position analytics, those that have ended within
        crm.bounce_min and saw at most one zone. What is known of one member at about the same time is one
        visit.
        """,
        """
        在同意位置分析的会员的到访中，于 crm.bounce_min 分钟内结束且至多到访一个区域的占比。同一会员在大致
        同一时间的记录合并为一次到访。
        """,
        "Jeffreys (beta): members as a sample of visitors",
        "visits of members",
    ),
    _definition(
        "near", "mall", "people", ("Near the mall", "商场附近的人"),
        """
        Funnel, outside: people who came in, and those whose phones were heard only outside the walls.
        Phones in the street change addresses unseen, so this is rough.
        """,
        """
        漏斗·场外：进入商场的人，加上手机只在墙外被侦测到的人。街上的手机会悄然更换地址，因此仅为粗略估
        计。
        """,
        _PEOPLE,
        _MINUTES,
    ),
    _definition(
        "came_in_share", "mall", "share", ("Came in", "进店率"),
        """
        Funnel, entrance: visits of the mall as a share of people near it.
        """,
        """
        漏斗·入口：到访次数占商场附近人数的比例。
        """,
        "normal on the logarithm of the odds: those inside and outside err against each other",
        _MINUTES,
    ),
    _definition(
        "floor_share", "floor", "share", ("Reached a floor", "楼层到达率"),
        """
        Funnel, floor: of the visitors who visited anything, those who visited a shop or a facility on
        this floor.
        """,
        """
        漏斗·楼层：在到访过任一区域的访客中，到访该楼层商店或设施的占比。
        """,
        _SHARE,
        _VISITS,
    ),
    _definition(
        "shop_share", "mall and zone", "share", ("Reached a shop", "商店到达率"),
        """
        Funnel, shop: of the visitors who visited anything, those who visited any shop; of a zone, those
        who visited it.
        """,
        """
        漏斗·商店：在到访过任一区域的访客中，到访任一商店的占比；对某一区域，则为到访该区域的占比。
        """,
        _SHARE,
        _VISITS,
    ),
    _definition(
        "conversion", "mall and zone", "ratio", ("Conversion", "转化率"),
        """
        Funnel, till: receipts with a positive amount, divided by people's visits of the zone (of the
        mall: by visits of the mall) that began in the same period. Not the share of visitors who bought:
        a party of three with one receipt counts 1/3, who pays twice counts twice, and who buys without
        staying for visits.min_dwell_s makes no visit.
        """,
        """
        漏斗·收银：同一时段内金额为正的小票数，除以该区域（全场则为商场）的到访人次。它不是购买者占比：
        三人同行一张小票算 1/3，付款两次算两次，停留不足 visits.min_dwell_s 就购买者没有到访记录。
        """,
        _RATIO,
        f"{_SALES}; {_VISITS}",
    ),
    _definition(
        "zone_visits", "zone", "visits", ("Visits of a zone", "区域到访人次"),
        """
        Visits that began in the period, of people; docs/visits.md says what a visit is.
        """,
        """
        该时段内开始的到访人次；到访的定义见 docs/visits.md。
        """,
        _PEOPLE,
        _VISITS,
    ),
    _definition(
        "zone_visitors", "zone", "people", ("Visitors of a zone", "区域访客"),
        """
        Different people among them, each counted once a day.
        """,
        """
        其中的不同人数，每人每天只计一次。
        """,
        _PEOPLE,
        _VISITS,
    ),
    _definition(
        "visit_share", "zone", "share", ("Hot zone, by visits", "热点区域（按到访）"),
        """
        Share of this zone in the visits of all zones that are shown.
        """,
        """
        该区域占全部可显示区域到访人次的比例。
        """,
        "normal on the logarithm, without phones a person: they cancel",
        _VISITS,
    ),
    _definition(
        "exposure", "zone", "h", ("Exposure", "曝光时长"),
        """
        Person-hours spent in the zone, by everybody, with or without a visit.
        """,
        """
        所有人在该区域停留的人·小时，无论是否构成到访。
        """,
        _PEOPLE,
        _MINUTES,
    ),
    _definition(
        "exposure_share", "zone", "share", ("Hot zone, by exposure", "热点区域（按曝光）"),
        """
        Share of this zone in the exposure of all zones that are shown.
        """,
        """
        该区域占全部可显示区域曝光时长的比例。
        """,
        "normal on the logarithm, without phones a person: they cancel",
        _MINUTES,
    ),
    _definition(
        "dwell_median", "zone", "s", ("Median dwell", "停留时长中位数"),
        """
        Median length of the visits that began in the period and have ended.
        """,
        """
        该时段内开始且已结束的到访的时长中位数。
        """,
        "Hettmansperger and Sheather's for the median, widened on the logarithm by the engine's errors",
        _VISITS,
    ),
    _definition(
        "receipts", "mall and zone", "receipts", ("Receipts", "小票数"),
        """
        Receipts with a positive amount; of the mall without zones whose receipts are too few even
        together.
        """,
        """
        金额为正的小票数；全场不含合计仍过少的区域。
        """,
        _EXACT,
        _SALES,
    ),
    _definition(
        "revenue", "mall and zone", "money", ("Revenue", "销售额"),
        """
        Sum of all amounts, refunds taken off; of the mall without zones whose receipts are too few even
        together.
        """,
        """
        所有金额之和，已扣除退款；全场不含小票合计仍过少的区域。
        """,
        _EXACT,
        _SALES,
    ),
    _definition(
        "spend_per_visit", "mall and zone", "money", ("Spend per visit", "每次到访消费"),
        """
        Revenue divided by people's visits of the zone, or of the mall. Of all who came, not of those who
        bought; not the mean receipt.
        """,
        """
        销售额除以该区域（或商场）的到访人次。分母为所有到访者而非购买者；不是客单价。
        """,
        _RATIO,
        f"{_SALES}; {_VISITS}",
    ),
    _definition(
        "spend_per_car", "mall", "money", ("Spend per car", "每车消费"),
        """
        Mean, over the finished stays in the car park that began in the period and are of members who
        agree to parking and marketing, of what those members bought with their card between entry and
        exit. Stays without a purchase count as nothing spent. Of members' cars, not of all.
        """,
        """
        在该时段内开始且已结束的停车中，取同意停车与营销的会员的停车，计算其在进出场之间凭卡消费的平均值。
        没有消费的停车按零计。仅反映会员车辆，不代表所有车辆。
        """,
        "BCa bootstrap over stays",
        "stays and purchases of members",
    ),
    _definition(
        "sales_per_m2", "zone", "money/m2", ("Sales per square metre", "每平方米销售额"),
        """
        Revenue divided by the area of the zone in the site file.
        """,
        """
        销售额除以场地文件中该区域的面积。
        """,
        _EXACT,
        f"{_SALES}; site file",
    ),
)  # fmt: skip
"""All figures, in the order of a page: who came, the funnel, zones, what the tills say."""

BY_ID = {one.id: one for one in DEFINITIONS}


def as_markdown() -> str:
    """Return all definitions as a Markdown table, for docs/crm-figures.md."""
    lines = ["| id | figure | of | unit | means | 90 % interval | from |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| `{one.id}` | {one.name.en} ({one.name.zh}) | {one.of} | {one.unit} | {one.definition.en}"
        f" | {one.interval} | {one.source} |"
        for one in DEFINITIONS
    ]
    return "\n".join(lines)
