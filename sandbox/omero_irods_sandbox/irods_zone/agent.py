"""One connection, served by one thread: start-up, then requests until the client goes."""

from __future__ import annotations

import logging
import socket
import sqlite3
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.irods_zone.api.registry import OPERATIONS, Operation, Reply, Request
from omero_irods_sandbox.irods_zone.errors import ZoneError, code_of, system_error
from omero_irods_sandbox.irods_zone.policy.engine import RULE_ENGINE_SKIP_OPERATION
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.startup import ConnectionRefused, greet
from omero_irods_sandbox.irods_zone.wire import structs
from omero_irods_sandbox.irods_zone.wire.channel import ByteStream, Channel, Direction, PeerGone
from omero_irods_sandbox.irods_zone.wire.framing import FrameError, Header, check_sizes, read_header
from omero_irods_sandbox.irods_zone.wire.limits import check_lengths
from omero_irods_sandbox.irods_zone.wire.xml import Element, PackingError, parse

if TYPE_CHECKING:
    from omero_irods_sandbox.irods_zone.zone import Zone

log = logging.getLogger(__name__)

_STARTUP_TIMEOUT_S: Final = 60.0
_MAX_MESSAGE_BEFORE_LOGIN: Final = 64 * 1024


class Agent:
    """Serves one client. Whatever the client sends, the zone goes on and the catalog stays whole."""

    def __init__(self, zone: Zone, connection: socket.socket, address: str) -> None:
        self._zone = zone
        self._address = address
        self._channel = Channel(connection, self._meter)

    def _meter(self, direction: Direction, count: int) -> int:
        allowed = self._zone.faults.before_transfer(direction, count)
        self._zone.counters.count_bytes(direction, allowed)
        return allowed

    def serve(self) -> None:
        """Run until the connection ends; then leave no replica in between."""
        try:
            self._channel.set_timeout(_STARTUP_TIMEOUT_S)
            claim = greet(self._channel, self._zone.transport)
            self._channel.set_timeout(None)
            session = self._zone.new_session(claim, self._address, self._channel.socket_number)
            self._serve_session(session)
        except ConnectionRefused as refusal:
            log.debug("%s: %s", self._address, refusal)
        except (FrameError, PackingError) as error:
            log.warning("%s does not speak iRODS: %s", self._address, error)
        except ConnectionAbortedError:
            self.break_off()  # an injected fault
        except (PeerGone, OSError):
            pass  # the client is gone, or the zone stops
        finally:
            self._channel.close()

    def break_off(self) -> None:
        """Cut the connection, from any thread; :meth:`serve` then ends, unless it is blocked in sending."""
        self._channel.break_off()

    def stop_sending(self) -> None:
        """End :meth:`serve` in that case too."""
        self._channel.stop_sending()

    def _serve_session(self, session: Session) -> None:
        try:
            while self._serve_one(session):
                pass
        finally:
            session.statements.close_all()
            session.files.abandon_all(session)

    def _serve_one(self, session: Session) -> bool:
        """Answer the next request; False when the client has said good-bye."""
        header = read_header(self._channel)
        if header.type == "RODS_DISCONNECT":
            self._channel.end_tls()
            return False
        self._check(header, session)
        message = self._channel.receive(header.message_bytes)
        self._channel.receive(header.error_bytes)
        stream = ByteStream(self._channel, header.stream_bytes)
        reply = self._answer(session, header.int_info, message, stream)
        stream.drain()
        self._zone.faults.before_answer(header.int_info)
        self._send(reply)
        return True

    @staticmethod
    def _check(header: Header, session: Session) -> None:
        check_sizes(header)
        if header.type != "RODS_API_REQ":
            raise FrameError(f"{header.type} where RODS_API_REQ was due")
        if not session.is_authenticated and header.message_bytes > _MAX_MESSAGE_BEFORE_LOGIN:
            raise FrameError(f"message of {header.message_bytes} bytes before login")

    def _send(self, reply: Reply) -> None:
        count = reply.file.count if reply.file else len(reply.data)
        header = Header("RODS_API_REPLY", len(reply.message), len(reply.error), count, reply.int_info)
        self._channel.send(header.encode(), reply.message, reply.error, more=count > 0)
        if reply.file:
            self._channel.send_file(reply.file.descriptor, reply.file.offset, count)
        elif count:
            self._channel.send(reply.data)

    def _answer(self, session: Session, number: int, message: bytes, stream: ByteStream) -> Reply:
        """The reply to one request; no exception of an operation gets past here."""
        self._zone.counters.count_call(number)
        session.api_number = number
        try:
            return self._perform(session, number, message, stream)
        except ZoneError as error:
            stack = structs.error_stack([(error.code, error.message)]) if error.message else b""
            return Reply(error.payload, error.code, stack)
        except (PackingError, OverflowError, UnicodeError) as error:
            log.info("API %d: %s", number, error)
            return Reply(int_info=code_of("USER_PACKSTRUCT_INPUT_ERR"))
        except sqlite3.Error as error:
            log.warning("API %d: %s", number, error)
            return Reply(int_info=code_of("CAT_SQL_ERR"))
        except (PeerGone, ConnectionError):
            raise
        except OSError as error:
            log.warning("API %d: %s", number, error)
            return Reply(int_info=system_error(error).code)
        except Exception:
            log.exception("API %d failed in a way nobody foresaw", number)
            return Reply(int_info=code_of("SYS_INTERNAL_ERR"))

    def _perform(self, session: Session, number: int, message: bytes, stream: ByteStream) -> Reply:
        operation = OPERATIONS.get(number)
        if operation is None:
            raise ZoneError("SYS_UNMATCHED_API_NUM")
        if operation.needs_login and not session.is_authenticated:
            raise ZoneError("SYS_NO_API_PRIV")
        body = parse(message) if message else Element("")
        check_lengths(body)
        self._zone.faults.before_call(number)
        return _perform_with_rules(operation, session, Request(number, body, stream))


def _perform_with_rules(operation: Operation, session: Session, request: Request) -> Reply:
    """Run the operation between its policy hooks, in the order of ``irods::apiHandler``.

    A ``pre`` hook can refuse or skip it; a failing ``post`` hook reports its
    error to the client but undoes nothing.
    """
    rules = session.rules
    if operation.policy_arguments is None or not rules.is_loaded:
        return operation.handler(session, request)
    arguments = operation.policy_arguments(request)
    try:
        verdict = rules.api(operation.name, "pre", session, *arguments)
        reply = Reply() if verdict == RULE_ENGINE_SKIP_OPERATION else operation.handler(session, request)
        rules.api(operation.name, "post", session, *arguments)
    except Exception:
        rules.api(operation.name, "except", session, *arguments)
        raise
    finally:
        rules.api(operation.name, "finally", session, *arguments)
    return reply
