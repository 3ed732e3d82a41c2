// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// TestView is the newest test message of a channel.
type TestView struct {
	ID         string     `json:"id"`
	By         Person     `json:"by"`
	At         *time.Time `json:"at"`
	Verdict    string     `json:"verdict" doc:"Empty while it is under way; posted, not_sent, retry_after, permanent, reconnect, stopped, or unknown: it may be out"`
	Cause      string     `json:"cause,omitempty"`
	Problem    string     `json:"problem,omitempty" doc:"Why it did not go, or has to be removed by hand"`
	RemoteIDs  []string   `json:"remote_ids"`
	Link       string     `json:"link,omitempty"`
	TookMS     int64      `json:"took_ms,omitempty"`
	Afterwards string     `json:"afterwards,omitempty" doc:"removed; kept, as was asked for; left: it has to be removed by hand"`
}

func (v viewer) test(t *palinsesto.ChannelTest) *TestView {
	if t == nil {
		return nil
	}
	out := &TestView{ID: t.ID, By: v.person(t.By), At: v.s.moment(t.At), Verdict: t.Verdict, Cause: t.Cause, Problem: t.Problem,
		RemoteIDs: listed(t.RemoteIDs), Link: t.Link, TookMS: t.Took.Milliseconds(), Afterwards: t.Afterwards}
	now := v.s.Clock()
	switch {
	case t.Verdict == "" && !t.Open(now):
		out.Verdict, out.Problem = "unknown", pick(v.english,
			"Il processo si è interrotto durante la prova: il messaggio può essere uscito. Guardare sul canale e, se c'è, toglierlo a mano.",
			"The process broke off during the test: the message may be out. Look at the channel, and remove it by hand.")
	case t.Verdict == "posted" && t.Afterwards == "" && now.After(t.At.Add(t.Lasts+removalMost)):
		out.Afterwards, out.Problem = palinsesto.TestLeft, pick(v.english,
			"Il processo si è interrotto prima di togliere il messaggio di prova: toglierlo a mano.",
			"The process broke off before it removed the test message: remove it by hand.")
	}
	return out
}

// removalMost is how long taking a test message down may take after its call.
const removalMost = 10 * time.Second

type testInput struct {
	ID    string `path:"id" maxLength:"64"`
	Key   string `header:"Idempotency-Key" required:"true" minLength:"1" doc:"At most 200 printable ASCII characters. Needed: people see a test message, so that a request that is sent again must not make another"`
	Trace string `header:"traceparent" doc:"W3C trace context"`
	Body  struct {
		ReasonBody
		Keep bool `json:"keep,omitempty" doc:"Leave the message on the channel; else it is removed where the network allows it"`
	}
}

// Resolve checks the key as that of every command.
func (in *testInput) Resolve(hc huma.Context) []error {
	return (&CommandHeaders{Key: in.Key}).Resolve(hc)
}

type testOutput struct {
	Body struct {
		Channel string    `json:"channel"`
		Test    *TestView `json:"test"`
	}
}

// testChannel has a marked message published. Whatever the network made of it is an answer, and no error.
func (s *Service) testChannel(ctx context.Context, in *testInput) (*testOutput, error) {
	if _, ok := s.cfg.Channel(in.ID); !ok {
		return nil, notFound()
	}
	head := CommandHeaders{Key: in.Key, Trace: in.Trace}
	data, err := contract.EncodeTestChannel(palinsesto.TestChannel{
		Command: head.command(ctx, "test", in.ID, in.Body), Channel: in.ID, Reason: in.Body.Reason, Keep: in.Body.Keep,
	})
	if err != nil {
		return nil, err
	}
	raw, err := s.Bus.Request(ctx, "publishing", "test", data)
	if err != nil {
		return nil, err
	}
	reply, err := contract.DecodeChannelReply(raw)
	if err != nil {
		return nil, err
	}
	out := &testOutput{}
	out.Body.Channel, out.Body.Test = in.ID, s.viewerFor(actorOf(ctx), inEnglish(ctx)).test(reply.Channel.Test)
	return out, nil
}
