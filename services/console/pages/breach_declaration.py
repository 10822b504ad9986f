"""The page on which an incident officer declares a breach, or a further phase of one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from services.console.breach_declarations import (
    FIELDS,
    MOST_ENTRIES,
    WORDS,
    DeclarationErrors,
    EnteredDeclaration,
    MapNames,
    declared_breach,
    fields_for,
)
from services.console.breach_translations import (
    LANGUAGE,
    MOST_LANGUAGES,
    languages_in,
    translation_fields,
)
from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import (
    CODE,
    PASSWORD,
    UNANSWERED,
    form_errors,
    is_locked,
    step_up_of,
)
from services.console.decisions.forms import DecisionDraft
from services.console.decisions.submission import MadeDecision, StepUp, make_decision
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages.site import ConsoleSite
from services.console.signin.local import SignInRefused
from services.console.trails import unlocked_session
from shared.errors import HabeasError

UNLOCK, MORE = "unlock", "more"


class FormName(NamedTuple):
    """The name of a form, which ids of its fields begin with."""

    name: str


NAME = FormName("declare")


@dataclass(frozen=True, slots=True)
class DeclarationForm:
    """The form as it is drawn."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    offer: FormName = NAME
    view: None = None

    def value(self, name: str, preset: str = "") -> str:
        """Return the value that was entered in the field *name*."""
        return self.values.get(name, preset)

    def chosen(self, name: str) -> Sequence[str]:
        """Return the choices in the field *name*."""
        return WORDS.split(self.value(name))


def breach_declaration_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of declarations."""
    router = APIRouter(include_in_schema=False)
    steering = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.STEER_BREACH))]

    async def page(request: Request, visitor: Visitor, form: DeclarationForm) -> Response:
        fields = fields_for(await _names(parts), site.words(request).locale.language)
        zone = parts.settings.company.zone.key
        content: dict[str, object] = {
            "form": form,
            "fields": fields,
            "translations": translation_fields(FIELDS, languages_in(form.values)),
            "most": MOST_LANGUAGES,
            "zone": zone,
            "locked": is_locked(parts, visitor),
        }
        status = 409 if form.errors else 200
        return site.draw(request, "breach_declaration.html.jinja", content, visitor=visitor, status=status)

    @router.get("/breaches/new")
    async def show(request: Request, visitor: steering) -> Response:
        return await page(request, visitor, DeclarationForm({"language": site.company.language}))

    @router.post("/breaches/new")
    async def declare(request: Request, visitor: steering) -> Response:
        given = await guard.form(request, visitor, fields=MOST_ENTRIES)
        values = {name: " ".join(map(str, given.getlist(name))) for name in given}
        say = site.words(request).say
        try:
            if UNLOCK in values:
                await unlocked_session(parts, visitor, _step_up(values))
                return RedirectResponse("/breaches/new", 303)
            if MORE in values:
                return await page(request, visitor, DeclarationForm({**values, **_next_language(values)}))
            made = await _declared(parts, visitor, values)
        except HabeasError as error:
            return await page(request, visitor, DeclarationForm(values, _errors(error, say)))
        if not made.answered:
            return await page(request, visitor, DeclarationForm(values, {"": say(UNANSWERED)}))
        return RedirectResponse(f"/breaches/{made.case}?done=declare", 303)

    return router


def _errors(error: HabeasError, say: Callable[..., str]) -> Mapping[str, str]:
    """Return the errors of the form by field; raise *error* if it is none."""
    match error:
        case DeclarationErrors():
            return error.written(say)
        case SignInRefused():
            return {"": say(str(error))}
        case _:
            found = form_errors(error, say)
    if found is None:
        raise error
    return found


async def _declared(parts: ConsoleParts, visitor: Visitor, values: Mapping[str, str]) -> MadeDecision:
    names, zone = await _names(parts), parts.settings.company.zone
    entered = EnteredDeclaration(values, visitor.member.name, parts.clock(), zone, names)
    draft, given = DecisionDraft(declared_breach(entered)), _step_up(values)
    return await make_decision(parts, visitor, draft, given)


def _next_language(values: Mapping[str, str]) -> Mapping[str, str]:
    """Return the first field of a further group of texts, which is drawn by it."""
    known = languages_in(values)
    return {f"{LANGUAGE}_{known + 1}": ""} if known < MOST_LANGUAGES else {}


async def _names(parts: ConsoleParts) -> MapNames:
    data_map = await parts.reports.data_map()
    return MapNames() if data_map is None else MapNames(data_map.keys, data_map.categories)


def _step_up(values: Mapping[str, str]) -> StepUp:
    return step_up_of(values.get(CODE, ""), values.get(PASSWORD, ""))
