package api_test

import (
	"net/http"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

func TestStatusOfCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[api.Code]int{
		api.OK: 200, api.ProofNeeded: 200, api.InvalidUpload: 400, api.InvalidParam: 400, api.SigninFailed: 401,
		api.TokenInvalid: 401, api.Forbidden: 403, api.NotFound: 404, api.NoSuchUser: 404, api.WrongMethod: 405,
		api.AlreadyHave: 409, api.ChunksMissing: 409, api.TooLarge: 413, api.DigestMismatch: 422, api.BadRange: 416, api.Busy: 423,
		api.TooMany: 429, api.ServerError: 500, api.Unavailable: 503, api.NoSpace: 507, api.QuotaExceeded: 507,
	} {
		if got := code.Status(); got != want {
			t.Errorf("code %d has status %d, want %d", code, got, want)
		}
	}
	if got := api.Code(99999).Status(); got != http.StatusInternalServerError {
		t.Errorf("an unknown code has status %d", got)
	}
}
