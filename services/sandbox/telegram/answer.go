// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

// apiError is a refusal; the HTTP status is the error_code.
type apiError struct {
	Code        int
	Description string
	RetryAfter  int
	MigrateTo   int64
}

func (e *apiError) Error() string { return e.Description }

func badRequest(format string, args ...any) *apiError {
	return &apiError{Code: http.StatusBadRequest, Description: "Bad Request: " + fmt.Sprintf(format, args...)}
}

func forbidden(format string, args ...any) *apiError {
	return &apiError{Code: http.StatusForbidden, Description: "Forbidden: " + fmt.Sprintf(format, args...)}
}

func tooMany(seconds int) *apiError {
	return &apiError{
		Code: http.StatusTooManyRequests, RetryAfter: seconds,
		Description: fmt.Sprintf("Too Many Requests: retry after %d", seconds),
	}
}

// asAPIError turns trouble of the sandbox's own (a full disk) into the 500 that it is.
func asAPIError(log *slog.Logger, err error) *apiError {
	if known, ok := errors.AsType[*apiError](err); ok {
		return known
	}
	log.Error("sandbox: telegram", "err", err)
	return &apiError{Code: http.StatusInternalServerError, Description: "Internal Server Error"}
}

type envelope struct {
	OK          bool        `json:"ok"`
	Result      any         `json:"result,omitempty"`
	ErrorCode   int         `json:"error_code,omitempty"`
	Description string      `json:"description,omitempty"`
	Parameters  *parameters `json:"parameters,omitempty"`
}

type parameters struct {
	RetryAfter int   `json:"retry_after,omitempty"`
	MigrateTo  int64 `json:"migrate_to_chat_id,omitempty"`
}

func success(result any) sandbox.Answer {
	return encode(http.StatusOK, envelope{OK: true, Result: result})
}

func failure(e *apiError) sandbox.Answer {
	out := envelope{ErrorCode: e.Code, Description: e.Description}
	if e.RetryAfter != 0 || e.MigrateTo != 0 {
		out.Parameters = &parameters{e.RetryAfter, e.MigrateTo}
	}
	return encode(e.Code, out)
}

func encode(status int, body envelope) sandbox.Answer {
	data, err := json.Marshal(body)
	if err != nil { // only plain structs are marshalled here
		return sandbox.Answer{Status: http.StatusInternalServerError, Body: []byte(`{"ok":false,"error_code":500}`)}
	}
	return sandbox.Answer{Status: status, Body: data}
}

// defaultRetryAfter is what a scripted 429 says when the script does not.
const defaultRetryAfter = 7

// refused words the sandbox's faults in Telegram's way.
func refused(f sandbox.Fault) sandbox.Answer {
	switch f.Kind { //nolint:exhaustive // the faults of the wire never come here
	case sandbox.FaultRateLimit:
		if f.RetryAfter == 0 {
			f.RetryAfter = defaultRetryAfter
		}
		return failure(tooMany(f.RetryAfter))
	case sandbox.FaultUnauthorized:
		return failure(&apiError{Code: http.StatusUnauthorized, Description: "Unauthorized"})
	case sandbox.FaultKicked:
		return failure(forbidden("bot was kicked from the channel chat"))
	case sandbox.FaultNoTarget:
		return failure(badRequest("chat not found"))
	case sandbox.FaultMigrate:
		e := badRequest("group chat was upgraded to a supergroup chat")
		e.MigrateTo = f.MigrateTo
		return failure(e)
	}
	e := &apiError{Code: http.StatusInternalServerError, Description: "Internal Server Error"}
	if f.Applied {
		e.Description += ": Request aborted"
	}
	return failure(e)
}
