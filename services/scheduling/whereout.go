// SPDX-License-Identifier: AGPL-3.0-or-later

package scheduling

import (
	"cmp"
	"context"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// foundAt is what a person's link says of the part that was in doubt: with the network's own name of it
// the post can be corrected and taken down later. A link to something else would do that to something else.
func (s *Service) foundAt(ctx context.Context, p palinsesto.Post, link string) (palinsesto.PartState, error) {
	found := palinsesto.PartState{Link: link}
	if err := checkLink(link); err != nil {
		return found, err
	}
	c, _ := s.cfg.Channel(p.Channel)
	remote, ok := network.PostAt(cmp.Or(c.Network, p.Network), c.Target, link)
	if !ok {
		return found, wrongLink(
			"L'indirizzo non è di un post di "+cmp.Or(c.Target, p.Channel)+": copiarlo dal post sul canale, con https://.",
			"This is no address of a post on "+cmp.Or(c.Target, p.Channel)+": copy it from the post, with https://.")
	}
	if other, taken := s.postAt(ctx, p, link, remote); taken {
		return found, wrongLink(
			"A quell'indirizzo c'è già un altro post, «"+other.Title+"» ("+other.ID+"): cercare quello giusto, oppure dire che non è uscito.",
			"Another post stands at that address, «"+other.Title+"» ("+other.ID+"): look for the right one, or say that it is not out.")
	}
	if remote != "" && s.oneMessage(ctx, p) {
		found.RemoteIDs = []string{remote}
	}
	return found, nil
}

// postAtMost is how far back on a channel one looks for another post at an address.
const postAtMost = 1000

// postAt finds another post at the same address. Where the lists do not answer nothing is found: they help
// a person, and do not stop one.
func (s *Service) postAt(ctx context.Context, p palinsesto.Post, link, remote string) (palinsesto.Post, bool) {
	q := index.Query{Set: "post", Facets: []string{"channel=" + p.Channel}, Limit: 200}
	for seen := 0; seen < postAtMost; seen += q.Limit {
		page, err := s.Index.List(ctx, q)
		if err != nil {
			s.Log.Warn("not looked for another post at the same address", "post", p.ID, "error", err)
			break
		}
		for _, h := range page.Hits {
			_, x, err := contract.Posts.Decode(h.Body)
			if err == nil && x.ID != p.ID && x.StandsAt(link, remote) {
				return x, true
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	return palinsesto.Post{}, false
}

// oneMessage: of an album an address names one item only, and taking down that one would leave the others.
func (s *Service) oneMessage(ctx context.Context, p palinsesto.Post) bool {
	seg, err := bus.Load(ctx, s.Bus, contract.Segnalazioni, contract.SegSubject(p.Centre, p.Segnalazione))
	if err != nil {
		return false
	}
	v, ok := seg.State.Variant(p.Channel)
	i := p.Attempt.Part
	return ok && v.Hash == p.Hash && i < len(v.Parts) && len(v.Parts[i].Media) < 2
}

func wrongLink(it, en string) error {
	return &palinsesto.Error{Code: palinsesto.CodeInvalid, Text: "Serve il link del post pubblicato.", TextEN: "The post's link is needed.",
		Problems: []palinsesto.Problem{{Code: "V-URL", Level: palinsesto.LevelError, Field: "link", Text: it, TextEN: en}}}
}
