package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	main "vicihook/function"
	"vicihook/function/internal/config"
	"vicihook/function/internal/hangup"
	"vicihook/function/internal/source"
	"vicihook/function/internal/webhook"
	"vicihook/infra/local/secretsmanager"
	"vicihook/vicicall"
)

// oldKey and newKey sign webhooks of crm: 32 bytes in base64.
const (
	oldKey = "b2xkIGtleSBvZiB0aGUgY3JtLCAzMiBieXRlcyBsb25n"
	newKey = "bmV3IGtleSBvZiB0aGUgY3JtLCAzMiBieXRlcyBsb25n"
)

// fakeSecrets is Secrets Manager inside a synctest bubble, which allows no network.
type fakeSecrets struct {
	versions map[string][]version // by ARN, the oldest first
	locked   bool                 // every call fails
	calls    int                  // for the webhook keys
}

type version struct {
	text string
	put  time.Time
}

func newFakeSecrets() *fakeSecrets {
	d := &fakeSecrets{versions: map[string][]version{}}
	d.put("vicidial", `{"url": "https://dialer.example.com", "user": "6666", "pass": "S3cret"}`)
	d.putKey(oldKey)
	return d
}

func (d *fakeSecrets) putKey(key string) { d.put("webhook", fmt.Sprintf(`{"crm": %q}`, key)) }

func (d *fakeSecrets) put(arn, text string) {
	synctest.Wait() // for fetches under way
	d.versions[arn] = append(d.versions[arn], version{text, time.Now()})
}

func (d *fakeSecrets) GetSecretValue(_ context.Context, in *sdk.GetSecretValueInput, _ ...func(*sdk.Options)) (*sdk.GetSecretValueOutput, error) {
	if *in.SecretId == "webhook" {
		d.calls++
	}
	if d.locked {
		return nil, errors.New("no answer")
	}
	all := d.versions[*in.SecretId]
	i := len(all) - 1
	if *in.VersionStage == secretsmanager.Previous {
		i--
	}
	if i < 0 {
		return nil, &types.ResourceNotFoundException{}
	}
	id := fmt.Sprint(i)
	return &sdk.GetSecretValueOutput{VersionId: &id, SecretString: &all[i].text, CreatedDate: &all[i].put}, nil
}

// instance returns an instance of the function whose VICIdial lists no call.
func (d *fakeSecrets) instance(t *testing.T, previousFor time.Duration) *hangup.Handler {
	t.Helper()
	sources, err := source.Parse([]byte(`{"crm": {"scheme": "standard-webhooks"}}`))
	if err != nil {
		t.Fatal(err)
	}
	handler, _ := main.Parts(context.Background(), config.Config{
		WebhookSecretARN: "webhook", VICIdialSecretARN: "vicidial", Budget: 4 * time.Second, PreviousKeysFor: previousFor, Sources: sources,
	}, d, slog.New(slog.DiscardHandler))
	handler.VICIdial = quiet{}
	return handler
}

// quiet is a VICIdial without calls.
type quiet struct{ hangup.VICIdial }

func (quiet) Hangup(context.Context, vicicall.Credentials, vicicall.Call) (vicicall.Result, error) {
	return vicicall.Result{Outcome: vicicall.NoActiveCall}, nil
}

const payload = `{"call_id":"Y0101000000000000001","agent_user":"1028","disposition":"SALE"}`

// outcomeOf returns the outcome of a webhook that a key signs now.
func outcomeOf(t *testing.T, instance *hangup.Handler, key string) hangup.Outcome {
	t.Helper()
	return outcomeFrom(t, instance, key, "")
}

// outcomeFrom is outcomeOf with the address of the sender.
func outcomeFrom(t *testing.T, instance *hangup.Handler, key, address string) hangup.Outcome {
	t.Helper()
	src, _ := instance.Sources.Lookup("crm")
	parsed, err := src.Scheme.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	r := webhook.Request{Method: http.MethodPost, Header: webhook.Header{}, Body: []byte(payload)}
	if err := src.Verifier.Sign(&r, parsed, "msg_1", time.Now()); err != nil {
		t.Fatal(err)
	}
	var report hangup.Report
	answer := instance.Handle(t.Context(), hangup.Request{Source: "crm", Sender: address, ContentType: "application/json", Webhook: r})
	if err := json.Unmarshal(answer.Body, &report); err != nil {
		t.Fatal(err)
	}
	return report.Outcome
}

// All webhooks have the revoked key: one with the new key would cause a refresh.
func TestRevokedKeyCountsForAMinuteOrAnHour(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		locked bool
		most   time.Duration
		then   hangup.Outcome
	}{
		"Secrets Manager answers":  {false, time.Minute, hangup.Unauthorized},
		"Secrets Manager does not": {true, time.Hour, vicicall.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newFakeSecrets()
				instances := make([]*hangup.Handler, 2)
				for i := range instances {
					time.Sleep(20 * time.Second) // before the first's value is old, and just before the put
					instances[i] = d.instance(t, 0)
					outcomeOf(t, instances[i], oldKey)
				}
				d.putKey(newKey)
				d.locked = c.locked
				for i, held := range revoked(t, instances, c.most+time.Minute, c.then) {
					if held == 0 || held > c.most {
						t.Errorf("instance %d accepted the old key for %v after the put, want at most %v", i, held, c.most)
					}
					t.Logf("instance %d accepted the old key for %v after the put", i, held)
				}
			})
		})
	}
}

// revoked returns how long each instance accepts the old key from now on. After that it must always answer then.
func revoked(t *testing.T, instances []*hangup.Handler, during time.Duration, then hangup.Outcome) []time.Duration {
	t.Helper()
	held, over := make([]time.Duration, len(instances)), make([]bool, len(instances))
	for put := time.Now(); time.Since(put) <= during; time.Sleep(time.Second) {
		for i, instance := range instances {
			switch got := outcomeOf(t, instance, oldKey); {
			case got == vicicall.NoActiveCall && !over[i]:
				held[i] = time.Since(put)
			case got == then:
				over[i] = true
			default:
				t.Fatalf("%v after the put: got %s", time.Since(put), got)
			}
		}
	}
	return held
}
