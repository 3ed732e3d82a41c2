// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

type aPostOutput struct {
	Body PostView
}

// onPost sends a command about one post.
func (s *Service) onPost(ctx context.Context, verb string, cmd palinsesto.PostCommand) (*aPostOutput, error) {
	e, err := s.postFor(ctx, cmd.PostID)
	if err != nil {
		return nil, err
	}
	a := actorOf(ctx)
	// Whoever operates reaches all centres; should that ever change, a foreign centre is refused here.
	if !a.Can(palinsesto.ActOperate, e.State.Centre) {
		return nil, forbidden()
	}
	data, err := contract.EncodePostCommand(cmd)
	if err != nil {
		return nil, err
	}
	raw, err := s.Bus.Request(ctx, "scheduling", verb, data)
	if err != nil {
		return nil, err
	}
	reply, err := contract.DecodePostReply(raw)
	if err != nil {
		return nil, err
	}
	return &aPostOutput{Body: s.viewerFor(a, inEnglish(ctx)).post(reply.Post)}, nil
}

type requeueInput struct {
	IDInput
	Body struct {
		ReasonBody
		At *time.Time `json:"at,omitempty" doc:"RFC 3339; absent: as soon as spacing allows"`
	}
}

func (s *Service) requeue(ctx context.Context, in *requeueInput) (*aPostOutput, error) {
	at, err := s.given(in.Body.At)
	if err != nil {
		return nil, err
	}
	return s.onPost(ctx, "requeue", palinsesto.PostCommand{Command: in.command(ctx, "requeue", in.ID, in.Body),
		PostID: in.ID, Due: at, Reason: in.Body.Reason})
}

type reasonInput struct {
	IDInput
	Body ReasonBody
}

func (s *Service) cancel(ctx context.Context, in *reasonInput) (*aPostOutput, error) {
	return s.onPost(ctx, "cancel", palinsesto.PostCommand{Command: in.command(ctx, "cancel", in.ID, in.Body),
		PostID: in.ID, Reason: in.Body.Reason})
}

func (s *Service) remove(ctx context.Context, in *reasonInput) (*aPostOutput, error) {
	return s.onPost(ctx, "remove", palinsesto.PostCommand{Command: in.command(ctx, "remove", in.ID, in.Body),
		PostID: in.ID, Reason: in.Body.Reason})
}

type resolveInput struct {
	IDInput
	Body struct {
		ReasonBody
		Outcome string     `json:"outcome" maxLength:"20" doc:"out: it is on the network, see link; not_out: it is not, send it again; done: the change left to a person was made by hand"`
		Link    string     `json:"link,omitempty" maxLength:"2048" doc:"Where it stands; needed with out"`
		At      *time.Time `json:"at,omitempty" doc:"With not_out: when it is sent again; absent: as soon as spacing allows"`
	}
}

func (s *Service) resolve(ctx context.Context, in *resolveInput) (*aPostOutput, error) {
	at, err := s.given(in.Body.At)
	if err != nil {
		return nil, err
	}
	return s.onPost(ctx, "resolve", palinsesto.PostCommand{Command: in.command(ctx, "resolve", in.ID, in.Body),
		PostID: in.ID, Due: at, Reason: in.Body.Reason, Outcome: in.Body.Outcome, Link: in.Body.Link})
}

type requeueManyInput struct {
	CommandHeaders
	Body struct {
		ReasonBody
		State   string `json:"state,omitempty" enum:"failed,missed" doc:"Absent: both"`
		Channel string `json:"channel,omitempty" maxLength:"40"`
		Centre  string `json:"centre,omitempty" maxLength:"40"`
		Cause   string `json:"cause,omitempty" maxLength:"80"`
		Seg     string `json:"seg,omitempty" maxLength:"64"`
		All     bool   `json:"all,omitempty" doc:"true where no filter is given: everything is meant"`
		Preview bool   `json:"preview,omitempty" doc:"Say what would happen, change nothing"`
	}
}

type requeueManyOutput struct {
	Body struct {
		Preview  bool                  `json:"preview"`
		Requeued int                   `json:"requeued" doc:"How many go, or would go"`
		Refused  int                   `json:"refused"`
		Items    []palinsesto.Requeued `json:"items" doc:"A line per post; at most 1000 in one command: ask again for the rest"`
	}
}

func (s *Service) requeueMany(ctx context.Context, in *requeueManyInput) (*requeueManyOutput, error) {
	b := in.Body
	only := palinsesto.PostFilter{State: palinsesto.PostState(b.State), Channel: b.Channel, Centre: b.Centre, Cause: b.Cause, Segnalazione: b.Seg}
	if only == (palinsesto.PostFilter{}) && !b.All { // an empty body may be a slip, and is a lot
		return nil, invalid("all", "Indicare quali post (state, channel, centre, cause, seg), oppure all: true per tutti.",
			"Say which posts (state, channel, centre, cause, seg), or all: true for all of them.")
	}
	data, err := contract.EncodeRequeueMany(palinsesto.RequeueMany{
		Command: in.command(ctx, "requeue-many", "", b), Preview: b.Preview, Reason: b.Reason, Filter: only,
	})
	if err != nil {
		return nil, err
	}
	raw, err := s.Bus.Request(ctx, "scheduling", "requeue-many", data)
	if err != nil {
		return nil, err
	}
	lines, err := contract.DecodeRequeued(raw)
	if err != nil {
		return nil, err
	}
	out := &requeueManyOutput{}
	out.Body.Preview, out.Body.Items = b.Preview, listed(lines)
	for i, l := range lines {
		if l.Refused != "" {
			out.Body.Refused++
			continue
		}
		out.Body.Requeued++
		out.Body.Items[i].Due = l.Due.In(s.cfg.Location())
	}
	return out, nil
}
