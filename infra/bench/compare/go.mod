// A module of its own, so that the product depends on none of those it is compared with. Its path lies below
// vicihook/function, because only there may package vicihook/function/internal/webhook be imported.
module vicihook/function/compare

go 1.26.0

require (
	github.com/google/go-github/v84 v84.0.0
	github.com/standard-webhooks/standard-webhooks/libraries v0.0.1
	github.com/stripe/stripe-go/v84 v84.4.1
	vicihook v0.0.0
)

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
)

replace vicihook => ../../..
