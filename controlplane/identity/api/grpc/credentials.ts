import {
  CredentialServiceService,
  type AddPasskeyRequest,
  type ConfirmTotpRequest,
  type ListFactorsRequest,
  type RecoverRequest,
  type RemoveFactorRequest,
  type RemovePasskeyRequest,
  type RenamePasskeyRequest,
  type SetPasswordRequest,
  type UpdateProfileRequest,
} from '../../../../proto/gen/mcias/v1/credential.ts';
import { defineService } from '../../../../mcdsl/grpc/index.ts';
import type { Operations } from '../operations/index.ts';
import { camel } from './camel.ts';
import { jsonText, nothing, serve, type Rpcs } from './rpc.ts';

export function credentialService({ credentials }: Operations, { rpc }: Rpcs) {
  const empty = (_request: object) => ({});
  return defineService(
    CredentialServiceService,
    serve({
      getProfile: rpc(credentials.getProfile, empty, camel),
      updateProfile: rpc(
        credentials.updateProfile,
        ({ displayName }: UpdateProfileRequest) => ({ display_name: displayName }),
        camel,
      ),
      setPassword: rpc(credentials.setPassword, (request: SetPasswordRequest) => ({ new: request.new }), nothing),
      beginTotp: rpc(credentials.beginTotp, empty, camel),
      confirmTotp: rpc(credentials.confirmTotp, ({ code }: ConfirmTotpRequest) => ({ code }), nothing),
      removeTotp: rpc(credentials.removeTotp, empty, nothing),
      createRecoveryCodes: rpc(credentials.createRecoveryCodes, empty, camel),
      beginPasskey: rpc(credentials.beginPasskey, empty, ({ ticket, public_key }) => ({
        ticket,
        publicKeyJson: JSON.stringify(public_key),
      })),
      addPasskey: rpc(
        credentials.addPasskey,
        ({ ticket, responseJson, name }: AddPasskeyRequest) => ({
          ticket,
          response: jsonText('response_json', responseJson),
          name,
        }),
        camel,
      ),
      listPasskeys: rpc(credentials.listPasskeys, empty, camel),
      renamePasskey: rpc(credentials.renamePasskey, ({ id, name }: RenamePasskeyRequest) => ({ id, name }), camel),
      removePasskey: rpc(credentials.removePasskey, ({ id }: RemovePasskeyRequest) => ({ id }), nothing),
      listFactors: rpc(credentials.listFactors, ({ account }: ListFactorsRequest) => ({ id: account }), camel),
      removeFactor: rpc(
        credentials.removeFactor,
        ({ account, factor }: RemoveFactorRequest) => ({ id: account, factor }),
        nothing,
      ),
      recover: rpc(
        credentials.recover,
        ({ ticket, newPassword }: RecoverRequest) => ({ ticket, new_password: newPassword }),
        nothing,
      ),
    }),
  );
}
