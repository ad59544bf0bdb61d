"""Members understood: tiers, clusters, shops that go together, tags and audiences."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Response

from contracts.errors import ConfigurationError
from contracts.site import Name, Site
from gateway.api import schemas
from gateway.api.context import Here
from gateway.api.crm import schemas_members as own
from gateway.api.crm.having import With
from gateway.crm.crm import Crm
from gateway.crm.members import audiences as kept_audiences
from gateway.crm.members import kept, tags
from gateway.crm.members.audiences import Audience, Definition, TooManyError
from gateway.crm.members.reading import as_of
from gateway.crm.members.tiers import TIERS
from gateway.crm.members.words import Words
from gateway.store.records import WHOLE_MALL

NOBODY = "no member has this reference"
NO_AUDIENCE = "no audience has this id"
REFUSED: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Problem, "description": "no such member or audience, or the mall has no CRM"},
}
CONFLICT: dict[int | str, dict[str, Any]] = {409: {"model": schemas.Problem}}
Tag = Annotated[str, Path(pattern=tags.PATTERN)]

router = APIRouter(tags=["crm: segments"], responses=REFUSED)


@router.get("/segments")
def segments(here: Here, crm: With) -> own.SegmentsAnswer:
    """Give tiers and clusters, with what marks them."""
    with crm.reading() as db:
        tiers, clusters = kept.model(db, kept.TierModel), kept.model(db, kept.ClusterModel)
        sizes, fitted_ms = kept.sizes(db), kept.fitted_ms(db)
    cuts = None if tiers is None else tiers.cuts
    rows = [] if cuts is None else [_row(one.id, one.name, one.description) for one in TIERS]
    kinds = [] if clusters is None else clusters.clusters
    found = [_row(one.id, one.name, one.description, one.stability) for one in kinds]
    on = 0 if clusters is None else clusters.fitted_on
    return own.SegmentsAnswer(
        tiers=_counted(rows, sizes, here.k),
        clusters=_counted(sorted(found, key=lambda one: -sizes.get(one.id, 0)), sizes, here.k),
        fitted_ms=fitted_ms,
        cuts=None
        if cuts is None
        else own.CutsAnswer(recency_d=cuts.recency_d, frequency_d=cuts.frequency_d, spend=cuts.spend),
        stability=None if clusters is None else clusters.stability,
        fitted_on=on if on >= here.k else None,
    )


@router.post("/segments/fit", responses={503: {"model": schemas.Problem}})
def fit(here: Here, crm: With) -> own.SegmentsAnswer:
    """Fit tiers, clusters and rules to what members have done by now; it happens once a day by itself."""
    try:
        crm.understanding.fit()
    except ConfigurationError as error:
        raise HTTPException(503, f"{error.message}. {error.hint}") from error
    return segments(here, crm)


@router.get("/rules")
def rules(crm: With) -> own.RulesAnswer:
    """Give the shops that go together, as of the last fit."""
    with crm.reading() as db:
        model = kept.model(db, kept.RuleModel)
    return own.RulesAnswer(
        rules=[
            own.RuleRow(
                antecedent=[one.antecedent], consequent=[one.consequent], basket=one.basket,
                baskets=one.baskets, support=one.support, confidence=one.confidence, lift=one.lift, p=one.p,
            )
            for one in ([] if model is None else model.rules)
        ]
    )  # fmt: skip


@router.get("/audiences")
def audiences(here: Here, crm: With) -> own.AudiencesAnswer:
    """Give all audiences, with how many members are in them now."""
    with crm.reading() as db:
        found = [
            (one, len(kept_audiences.references(db, one.definition, as_of(db, crm.now_ms()))))
            for one in kept_audiences.all_of(db)
        ]
    return own.AudiencesAnswer(audiences=[_audience(one, count, here.k) for one, count in found])


@router.post("/audiences", status_code=201, responses=CONFLICT)
def make(here: Here, crm: With, asked: own.AudienceRequest) -> own.AudienceRow:
    """Keep the definition of an audience; who is in it is decided whenever it is asked for."""
    _check_zones(here.site, asked.zones)
    definition = Definition(asked.name, asked.tier, asked.cluster, asked.tags, asked.zones, asked.days)
    with crm.understanding.file.transaction() as db:
        _check_segments(asked, kept.model(db, kept.ClusterModel))
        try:
            made = kept_audiences.add(db, definition, crm.now_ms())
        except TooManyError as error:
            raise HTTPException(409, f"{error.message}. {error.hint}") from error
        count = len(kept_audiences.references(db, definition, as_of(db, crm.now_ms())))
    return _audience(made, count, here.k)


@router.delete("/audiences/{audience}", status_code=204)
def unmake(crm: With, audience: str) -> None:
    """Forget an audience."""
    with crm.understanding.file.transaction() as db:
        if not kept_audiences.remove(db, audience):
            raise HTTPException(404, NO_AUDIENCE)


@router.get(
    "/audiences/{audience}.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **CONFLICT},
)
def export(here: Here, crm: With, audience: str) -> Response:
    """Give the references of who is in an audience at this moment, as CSV; fewer than k are not listed."""
    with crm.reading() as db:
        found = kept_audiences.find(db, audience)
        if found is None:
            raise HTTPException(404, NO_AUDIENCE)
        members = kept_audiences.references(db, found.definition, as_of(db, crm.now_ms()))
    if len(members) < here.k:
        raise HTTPException(
            409,
            f"fewer than {here.k} members are in this audience now: such a list would tell of each of them",
        )
    return Response(
        "".join(f"{line}\r\n" for line in ["reference", *members]),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="audience-{found.id}.csv"',
            "Cache-Control": "no-store",
        },
    )


@router.put("/members/{reference}/tags/{tag}", responses=CONFLICT)
def tag(crm: With, reference: str, tag: Tag) -> own.TagsAnswer:
    """Give a member who agrees to marketing a tag."""
    with crm.understanding.file.transaction() as db:
        try:
            known = tags.add(db, reference, tag)
        except (tags.NotAgreedError, tags.TagRefusedError) as error:
            raise HTTPException(409, f"{error.message}. {error.hint}") from error
    return _tags(crm, reference, known=known)


@router.delete("/members/{reference}/tags/{tag}")
def untag(crm: With, reference: str, tag: Tag) -> own.TagsAnswer:
    """Take a tag away; one that is not there is gone already."""
    with crm.understanding.file.transaction() as db:
        known = tags.remove(db, reference, tag)
    return _tags(crm, reference, known=known)


def _tags(crm: Crm, reference: str, *, known: bool) -> own.TagsAnswer:
    shown = crm.consents.member(reference) if known else None
    if shown is None:
        raise HTTPException(404, NOBODY)
    return own.TagsAnswer(tags=list(shown.member.labels.tags))


def _row(key: str, name: Words, description: Words, stability: float | None = None) -> own.SegmentRow:
    return own.SegmentRow(
        id=key,
        name=_name(name),
        description=_name(description),
        members=None,
        share=None,
        stability=stability,
    )


def _name(words: Words) -> Name:
    return Name(en=words.en, zh=words.zh)


def _counted(rows: Iterable[own.SegmentRow], sizes: dict[str, int], k: int) -> list[own.SegmentRow]:
    """Say how many are in each of those that may be counted, and which share of these that is.

    A share of all would tell how many are in one that is hidden.
    """
    found = list(rows)
    shown = {one.id: sizes.get(one.id, 0) for one in found if not 0 < sizes.get(one.id, 0) < k}
    total = sum(shown.values())
    for one in found:
        if one.id in shown:
            one.members = shown[one.id]
            one.share = one.members / total if total else 0.0
    return found


def _audience(one: Audience, count: int, k: int) -> own.AudienceRow:
    definition = one.definition
    return own.AudienceRow(
        id=one.id,
        name=definition.name,
        tier=definition.tier,
        cluster=definition.cluster,
        tags=list(definition.tags),
        zones=list(definition.zones),
        days=definition.days,
        members=None if count < k else count,
        suppressed=count < k,
    )


def _check_zones(site: Site, zones: Iterable[str]) -> None:
    known = {zone.id for _, zone in site.zones()} | {WHOLE_MALL}
    for zone in zones:
        if zone not in known:
            raise HTTPException(422, f"the mall has no zone {zone!r}; GET /api/v1/plan lists them")


def _check_segments(asked: own.AudienceRequest, model: kept.ClusterModel | None) -> None:
    tiers = [one.id for one in TIERS]
    if asked.tier is not None and asked.tier not in tiers:
        raise HTTPException(422, f"there is no tier {asked.tier!r}: expected one of {', '.join(tiers)}")
    clusters = [] if model is None else [one.id for one in model.clusters]
    if asked.cluster is not None and asked.cluster not in clusters:
        known = f"expected one of {', '.join(clusters)}" if clusters else "there are none now"
        raise HTTPException(422, f"there is no cluster {asked.cluster!r}: {known}")
