import {
  AccountServiceService,
  type CreateAccountRequest,
  type DeleteAccountRequest,
  type DisableAccountRequest,
  type EnableAccountRequest,
  type GetAccountRequest,
  type ListAccountsRequest,
  type ResetAccountRequest,
  type SetRolesRequest,
  type UnlockAccountRequest,
  type UpdateAccountRequest,
} from '../../../../proto/gen/mcias/v1/account.ts';
import { defineService } from '../../../../mcdsl/grpc/index.ts';
import type { Operations } from '../operations/index.ts';
import { camel } from './camel.ts';
import { given, lastPage, nothing, pageFields, serve, type Rpcs } from './rpc.ts';

export function accountService({ accounts }: Operations, { rpc }: Rpcs) {
  const one = ({ account }: { readonly account: string }) => ({ id: account });
  const atRevision = ({ account, revision }: { readonly account: string; readonly revision: number }) => ({
    id: account,
    revision,
  });
  return defineService(
    AccountServiceService,
    serve({
      list: rpc(
        accounts.list,
        ({ page }: ListAccountsRequest) => pageFields(page),
        (output) => ({ accounts: camel(output.accounts), ...lastPage(output) }),
      ),
      get: rpc(accounts.get, (request: GetAccountRequest) => one(request), camel),
      create: rpc(
        accounts.create,
        (request: CreateAccountRequest) => ({
          name: request.name,
          type: request.type,
          roles: request.roles,
          display_name: given(request.displayName),
          email: given(request.email),
          groups: request.groups,
        }),
        (output) => ({ account: camel(output.account), reset: output.reset && camel(output.reset) }),
      ),
      update: rpc(
        accounts.update,
        (request: UpdateAccountRequest) => ({
          ...atRevision(request),
          name: request.name,
          display_name: request.displayName,
          email: request.email,
          email_verified: request.emailVerified,
          groups: request.groups?.groups,
        }),
        camel,
      ),
      delete: rpc(accounts.remove, (request: DeleteAccountRequest) => atRevision(request), nothing),
      setRoles: rpc(
        accounts.putRoles,
        (request: SetRolesRequest) => ({ ...atRevision(request), roles: request.roles }),
        camel,
      ),
      enable: rpc(accounts.enable, (request: EnableAccountRequest) => atRevision(request), camel),
      disable: rpc(accounts.disable, (request: DisableAccountRequest) => atRevision(request), camel),
      unlock: rpc(accounts.unlock, (request: UnlockAccountRequest) => one(request), camel),
      reset: rpc(accounts.reset, (request: ResetAccountRequest) => one(request), camel),
    }),
  );
}
