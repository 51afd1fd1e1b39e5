package handler

import (
	"net/http"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
)

// fastUpload answers an instant upload: done, a challenge, or a miss. None of them is an error.
func (s *Server) fastUpload(w http.ResponseWriter, r *http.Request, c *call) error {
	req, err := parseInstant(c)
	if err != nil {
		return err
	}
	ans, err := s.Instant.Link(r.Context(), c.User, req)
	switch {
	case err != nil:
		return err
	case ans.Hit:
		item, err := s.Files.Locate(r.Context(), c.User.ID, ans.Entry)
		if err != nil {
			return err
		}
		return writeCode(w, api.OK, http.StatusOK, "秒传成功 (instant upload)", metaOf(item))
	case ans.Challenge != "":
		return writeCode(w, api.ProofNeeded, http.StatusOK, "proof of possession required", challengeOf(ans))
	}
	return writeCode(w, api.InvalidUpload, http.StatusOK, "instant upload is not possible; upload the file", nil)
}

func parseInstant(c *call) (req service.InstantRequest, err error) {
	p := c.Params
	if _, err = p.need("filehash"); err != nil {
		return req, err
	}
	if req.Digest, err = p.digest("filehash"); err != nil {
		return req, err
	}
	if req.Size, err = p.size(); err != nil {
		return req, err
	}
	req.Name, req.Path = p.get("filename"), p.get("path")
	req.Challenge, req.Proof = p.get("challenge"), p.get("proof")
	req.From = c.Client
	if req.Clash, err = p.clash(); err != nil {
		return req, err
	}
	req.Modified, err = p.time("mtime")
	return req, err
}

func challengeOf(ans service.InstantAnswer) api.Challenge {
	ranges := make([]api.ChallengeRange, len(ans.Ranges))
	for i, r := range ans.Ranges {
		ranges[i] = api.ChallengeRange{Offset: r.Offset, Length: r.Length}
	}
	return api.Challenge{Challenge: ans.Challenge, Ranges: ranges}
}
