"""How a handler's result, or its refusal, becomes a response."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from qmri.errors import QmriError
from qmri.review.desk import Desk

log = logging.getLogger(__name__)
DISK = "make room on the disk of the results, or gain the right to write there, and decide once more"
Handler = Callable[..., Any]


def answer(handler: Handler, desk: Desk, body: type[BaseModel] | None = None) -> Handler:
    """Return an endpoint: JSON or bytes from a handler, a refusal as its words."""

    async def endpoint(request: HttpRequest) -> Response:
        from starlette.concurrency import run_in_threadpool  # noqa: PLC0415

        try:
            given = dict(request.path_params)
            if body is not None:
                given["body"] = body.model_validate_json(await request.body())
            result = await run_in_threadpool(handler, desk, **given)
        except ValidationError as error:
            return JSONResponse({"problem": "the request is not understood", "found": str(error)}, 422)
        except QmriError as error:
            return JSONResponse({"problem": error.reason, "remedy": error.remedy or ""}, 409)
        except OSError as error:
            log.exception("a request could not be answered")
            return JSONResponse({"problem": f"not saved: {error.strerror or error}", "remedy": DISK}, 507)
        return result if isinstance(result, Response) else JSONResponse(result)

    return endpoint
