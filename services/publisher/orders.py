"""Who ordered what of a tenant, and why: kept with the state that the order changed. Pure."""

import msgspec

from shared.contract.tenant_state import OrderKind, TenantOrder, TenantState

KEPT = 20  # orders; each state of the topic has the newest of them


def order_of(kind: OrderKind, at: str, operator: str, note: str = "", about: str = "") -> TenantOrder:
    return TenantOrder(kind=kind, at=at, operator=operator, note=note, about=about)


def noted(state: TenantState, order: TenantOrder) -> TenantState:
    """The order stands last; the oldest is forgotten where there are too many."""
    return msgspec.structs.replace(state, orders=(*state.orders, order)[-KEPT:])
