// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// route is one door: nothing is reachable that does not stand in the table, and a test asks each of
// them with each role.
type route struct {
	method, path string
	// needs is what the role must be allowed to do at all; on what, the handler and the room check.
	needs   palinsesto.Action
	id      string // of the operation in OpenAPI
	summary string
	status  int // of success; 0: 200
	adapt   func(*huma.Operation)
	// describe adds to the description what huma would act upon: of a request body that it knows of it
	// reads all into memory.
	describe func(*huma.Operation)
	bind     func(*Service, huma.API, huma.Operation)
}

// bodyMost bounds every request but an upload: what one event or command may take.
const (
	bodyMost  = 256 << 10
	bodyWords = "256 KiB"
)

// table has every route.
func table() []route {
	const v1 = "/api/v1"
	const get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete
	seg, one := v1+"/segnalazioni", v1+"/segnalazioni/{id}"
	posts, aPost := v1+"/posts", v1+"/posts/{id}"
	return []route{
		{method: post, path: seg, needs: palinsesto.ActSubmit, id: "submit", status: 201, adapt: documentBody,
			summary: "Submit a segnalazione; with an Idempotency-Key a repeat answers 200", bind: bind((*Service).submit)},
		{method: get, path: seg, needs: palinsesto.ActSee, id: "list-segnalazioni", summary: "List segnalazioni", bind: bind((*Service).listSegnalazioni)},
		{method: get, path: seg + ".csv", needs: palinsesto.ActSee, id: "export-segnalazioni", summary: "The same as CSV", adapt: answers("text/csv"), bind: bind((*Service).exportSegnalazioni)},
		{method: get, path: one, needs: palinsesto.ActSee, id: "get-segnalazione", summary: "One segnalazione with its posts and history", bind: bind((*Service).getSegnalazione)},
		{method: post, path: one + "/approve", needs: palinsesto.ActReview, id: "approve", summary: "Approve exactly what the page showed", bind: bind((*Service).approve)},
		{method: post, path: one + "/reject", needs: palinsesto.ActReview, id: "reject", summary: "Reject, with a reason", bind: bind((*Service).reject)},
		{method: post, path: one + "/request-changes", needs: palinsesto.ActReview, id: "request-changes", summary: "Ask for changes, with a comment", bind: bind((*Service).requestChanges)},
		{method: post, path: one + "/revise", needs: palinsesto.ActSubmit, id: "revise", summary: "Replace what was written; voids an approval", bind: bind((*Service).revise)},
		{method: post, path: one + "/withdraw", needs: palinsesto.ActSubmit, id: "withdraw", summary: "Withdraw: cancels what is not out, removes what is", bind: bind((*Service).withdraw)},
		{method: post, path: one + "/comments", needs: palinsesto.ActSubmit, id: "comment", summary: "Comment; makes no page stale", bind: bind((*Service).comment)},

		{method: post, path: v1 + "/media", needs: palinsesto.ActSubmit, id: "upload-media", status: 201, describe: uploadBody,
			summary: "Upload an image, a video or captions with alt text", bind: bind((*Service).upload)},
		{method: get, path: v1 + "/media/{hash}", needs: palinsesto.ActSee, id: "get-media", summary: "A stored file", adapt: answers("application/octet-stream"), bind: bind((*Service).getMedia)},

		{method: get, path: posts, needs: palinsesto.ActSee, id: "list-posts", summary: "List posts", bind: bind((*Service).listPosts)},
		{method: get, path: posts + ".csv", needs: palinsesto.ActSee, id: "export-posts", summary: "The same as CSV", adapt: answers("text/csv"), bind: bind((*Service).exportPosts)},
		{method: get, path: posts + "/causes", needs: palinsesto.ActSee, id: "list-causes", summary: "Posts that need a hand, grouped by cause", bind: bind((*Service).listCauses)},
		{method: get, path: posts + "/causes.csv", needs: palinsesto.ActSee, id: "export-causes", summary: "The same as CSV", adapt: answers("text/csv"), bind: bind((*Service).exportCauses)},
		{method: post, path: posts + "/requeue", needs: palinsesto.ActOperate, id: "requeue-many", summary: "Re-queue all posts that a filter finds, or preview it", bind: bind((*Service).requeueMany)},
		{method: get, path: aPost, needs: palinsesto.ActSee, id: "get-post", summary: "One post with its attempts and history", bind: bind((*Service).getPost)},
		{method: post, path: aPost + "/requeue", needs: palinsesto.ActOperate, id: "requeue", summary: "Send a failed or missed post again", bind: bind((*Service).requeue)},
		{method: post, path: aPost + "/cancel", needs: palinsesto.ActOperate, id: "cancel", summary: "Take back a post that is not out", bind: bind((*Service).cancel)},
		{method: post, path: aPost + "/resolve", needs: palinsesto.ActOperate, id: "resolve", summary: "Say whether an uncertain post is out", bind: bind((*Service).resolve)},
		{method: post, path: aPost + "/remove", needs: palinsesto.ActOperate, id: "remove", summary: "Take down a post that is out", bind: bind((*Service).remove)},

		{method: get, path: v1 + "/holds", needs: palinsesto.ActSee, id: "list-holds", summary: "The holds that stand", bind: bind((*Service).listHolds)},
		{method: get, path: v1 + "/holds.csv", needs: palinsesto.ActSee, id: "export-holds", summary: "The same as CSV", adapt: answers("text/csv"), bind: bind((*Service).exportHolds)},
		{method: post, path: v1 + "/holds", needs: palinsesto.ActHold, id: "place-hold", status: 201, summary: "Stop; lists what was in flight", bind: bind((*Service).placeHold)},
		{method: del, path: v1 + "/holds/{id}", needs: palinsesto.ActOperate, id: "lift-hold", summary: "Go on", bind: bind((*Service).liftHold)},

		{method: get, path: v1 + "/channels", needs: palinsesto.ActSee, id: "list-channels", summary: "Channels and their state", bind: bind((*Service).listChannels)},
		{method: get, path: v1 + "/channels.csv", needs: palinsesto.ActSee, id: "export-channels", summary: "The same as CSV", adapt: answers("text/csv"), bind: bind((*Service).exportChannels)},
		{method: post, path: v1 + "/channels/{id}/pause", needs: palinsesto.ActPauseChannel, id: "pause-channel", summary: "Pause a channel", bind: bind((*Service).pauseChannel)},
		{method: post, path: v1 + "/channels/{id}/resume", needs: palinsesto.ActPauseChannel, id: "resume-channel", summary: "Resume a paused channel", bind: bind((*Service).resumeChannel)},
		{method: post, path: v1 + "/channels/{id}/reconnected", needs: palinsesto.ActManageChannel, id: "channel-reconnected", summary: "Say that a channel was reconnected", bind: bind((*Service).channelReconnected)},
		{method: post, path: v1 + "/channels/{id}/check", needs: palinsesto.ActPauseChannel, id: "check-channel", summary: "Ask the network whether a channel could be published to", bind: bind((*Service).checkChannel)},
		{method: post, path: v1 + "/channels/{id}/test", needs: palinsesto.ActManageChannel, id: "test-channel", summary: "Publish a marked test message, once, and remove it", bind: bind((*Service).testChannel)},

		{method: get, path: v1 + "/counts", needs: palinsesto.ActSee, id: "counts", summary: "How many there are of each state", bind: bind((*Service).counts)},
		{method: get, path: v1 + "/events", needs: palinsesto.ActSee, id: "events", summary: "Server-sent events, from a sequence on", adapt: answers("text/event-stream"), bind: bind((*Service).events)},

		{method: post, path: v1 + "/tokens", needs: palinsesto.ActManageTokens, id: "create-token", status: 201, summary: "Create a token", bind: bind((*Service).createToken)},
		{method: get, path: v1 + "/tokens", needs: palinsesto.ActManageTokens, id: "list-tokens", summary: "List tokens", bind: bind((*Service).listTokens)},
		{method: get, path: v1 + "/tokens.csv", needs: palinsesto.ActManageTokens, id: "export-tokens", summary: "The same as CSV", adapt: answers("text/csv"), bind: bind((*Service).exportTokens)},
		{method: del, path: v1 + "/tokens/{id}", needs: palinsesto.ActManageTokens, id: "revoke-token", status: 204, summary: "Revoke a token", bind: bind((*Service).revokeToken)},

		{method: get, path: v1 + "/alerts", needs: palinsesto.ActSeeAlerts, id: "list-alerts", summary: "What operators are told of: since when, how many, what to do", bind: bind((*Service).listAlerts)},
		{method: get, path: v1 + "/alerts.csv", needs: palinsesto.ActSeeAlerts, id: "export-alerts", summary: "The same as CSV", adapt: answers("text/csv"), bind: bind((*Service).exportAlerts)},

		{method: get, path: v1 + "/dead-letters", needs: palinsesto.ActRebuild, id: "dead-letters", summary: "Events that a room gave up", bind: bind((*Service).deadLetters)},
		{method: get, path: v1 + "/dead-letters.csv", needs: palinsesto.ActRebuild, id: "export-dead-letters", summary: "The same as CSV", adapt: answers("text/csv"), bind: bind((*Service).exportDeadLetters)},
		{method: post, path: v1 + "/rebuild", needs: palinsesto.ActRebuild, id: "rebuild", status: 204, summary: "Rebuild the index from the log", bind: bind((*Service).rebuild)},
		{method: get, path: v1 + "/check", needs: palinsesto.ActRebuild, id: "check", summary: "Compare the log with what must always hold", bind: bind((*Service).check)},
	}
}

// bind registers a handler; whatever it returns as an error becomes a Problem.
func bind[I, O any](h func(*Service, context.Context, *I) (*O, error)) func(*Service, huma.API, huma.Operation) {
	return func(s *Service, api huma.API, op huma.Operation) {
		huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
			out, err := h(s, ctx, in)
			if err != nil {
				return nil, s.problem(ctx, err)
			}
			return out, nil
		})
	}
}

const specPath = "/api/openapi.json"

func (s *Service) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	api := humago.New(mux, s.humaConfig())
	for _, r := range table() {
		r.bind(s, api, s.operation(api, r))
		if r.describe != nil {
			r.describe(api.OpenAPI().Paths[r.path].Post)
		}
	}
	var err error
	if s.spec, err = json.Marshal(api.OpenAPI()); err != nil {
		return nil, fmt.Errorf("api: describe the routes: %w", err)
	}
	mux.HandleFunc("GET "+specPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(s.spec)
	})
	for pattern, h := range s.Extra {
		mux.Handle(pattern, h)
	}
	mux.HandleFunc("/api/", s.missing(mux, "/api/"))
	if _, taken := s.Extra["/"]; !taken {
		mux.HandleFunc("/", s.missing(mux, "/"))
	}
	return s.around(formats(mux)), nil
}

func (s *Service) humaConfig() huma.Config {
	c := huma.DefaultConfig("Palinsesto", "1.0.0")
	c.Info.Description = "Segnalazioni, posts and what happened to them. Times are RFC 3339; states and roles are told in the glossary of the project."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", "" // the description is served below, made once
	c.CreateHooks = nil                                   // no $schema in answers
	c.RejectUnknownQueryParameters = true                 // a filter with a wrong name must not list everything
	c.Transformers = []huma.Transformer{s.ours}
	c.Formats = strictFormats()
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "pal_<id>_<secret>"},
	}
	c.Security = []map[string][]string{{"bearer": {}}}
	return c
}

func (s *Service) operation(api huma.API, r route) huma.Operation {
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary,
		DefaultStatus: r.status, MaxBodyBytes: bodyMost + 1, BodyReadTimeout: bodyWait,
		Middlewares: huma.Middlewares{s.guard(api, r.needs)},
	}
	problem := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	op.Responses = map[string]*huma.Response{"default": {
		Description: "Problem", Content: map[string]*huma.MediaType{problemType: {Schema: problem}},
	}}
	if r.adapt != nil {
		r.adapt(&op)
	}
	return op
}

// guard lets in who has a valid token whose role may do this at all; before the body is read.
func (s *Service) guard(api huma.API, needs palinsesto.Action) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, _ := humago.Unwrap(hc)
		ctx := hc.Context()
		actor, err := s.auth.enter(ctx, r)
		if err == nil {
			askedOf(ctx).who = actor.ID
			if !reaches(actor, needs) {
				err = forbidden()
			}
		}
		if err != nil {
			s.refuse(api, hc, err)
			return
		}
		next(huma.WithValue(hc, actorKey{}, actor))
	}
}

func (s *Service) refuse(api huma.API, hc huma.Context, err error) {
	p := s.problem(hc.Context(), err)
	for k, v := range p.GetHeaders() {
		hc.SetHeader(k, v[0])
	}
	hc.SetHeader("Content-Type", problemType)
	hc.SetStatus(p.Status)
	if err := api.Marshal(hc.BodyWriter(), problemType, p); err != nil {
		s.Log.DebugContext(hc.Context(), "answer not written", "error", err)
	}
}
