module github.com/oarlock/oarlock/scripts/tools/oidc-provider

go 1.26.8

require github.com/zitadel/oidc/v3 v3.45.0
