// SoftHSM with the manners of other vendors, for tests. Everything but what is written here goes to SoftHSM, which
// VENDOR_TOKEN_MODULE names; VENDOR_TOKEN says whose manners:
//
//   kwp            AES-KWP by C_Encrypt (PKCS#11 3.0)
//   luna           AES-GCM takes no IV, and puts 16 bytes of its own behind the tag
//   protectserver  AES-GCM takes an IV of zeros only, and overwrites it when it encrypts
//   cloudhsm       the same; CKA_COPYABLE is unknown, CKA_MODIFIABLE must be true
//   yubihsm        no AES-GCM; key wrap is listed, and not for C_Encrypt
//   bare           no AES but CBC
//   loose          every generated key may wrap
#include <dlfcn.h>
#include <pkcs11/pkcs11.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

typedef std::vector<CK_BYTE> Bytes;

const CK_MECHANISM_TYPE KWP = 0x210b;
const CK_FLAGS CRYPTS = 0x100 | 0x200;
const CK_ULONG TAG = 16;

CK_FUNCTION_LIST_PTR soft = nullptr;
CK_FUNCTION_LIST functions;

bool is(const char *name)
{
  const char *vendor = getenv("VENDOR_TOKEN");
  return vendor != nullptr && strcmp(vendor, name) == 0;
}

// The operation that C_EncryptInit or C_DecryptInit began, when it is not SoftHSM's. As real modules do, it keeps the pointer
// to the caller's IV, and no pointer to the parameters, which end with the call.
struct Operation
{
  bool ours = false;
  CK_MECHANISM_TYPE mechanism = 0;
  CK_OBJECT_HANDLE key = 0;
  CK_BYTE_PTR iv = nullptr;
  CK_ULONG ivLength = 0;
  Bytes aad;
} encrypting, decrypting;

bool isOurs(CK_MECHANISM_TYPE mechanism)
{
  if (is("kwp")) return mechanism == KWP;
  if (is("luna") || is("protectserver") || is("cloudhsm")) return mechanism == CKM_AES_GCM;
  return false;
}

bool isHidden(CK_MECHANISM_TYPE mechanism)
{
  if (is("yubihsm")) return mechanism == CKM_AES_GCM;
  if (is("bare")) return mechanism == CKM_AES_GCM || mechanism == CKM_AES_ECB;
  return false;
}

CK_RV blockOf(bool encrypt, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE_PTR block)
{
  CK_MECHANISM ecb = {CKM_AES_ECB, nullptr, 0};
  CK_BYTE out[32];
  CK_ULONG length = sizeof(out);
  CK_RV rv = encrypt ? soft->C_EncryptInit(session, &ecb, key) : soft->C_DecryptInit(session, &ecb, key);
  if (rv != CKR_OK) return rv;
  rv = encrypt ? soft->C_Encrypt(session, block, 16, out, &length) : soft->C_Decrypt(session, block, 16, out, &length);
  if (rv == CKR_OK) memcpy(block, out, 16);
  return rv;
}

// RFC 5649, by registers as RFC 3394 section 2.2.1 writes them down.
CK_RV wrapWithPadding(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const Bytes &text, Bytes &wrapped)
{
  size_t n = (text.size() + 7) / 8;
  wrapped.assign(8 + 8 * n, 0);
  const CK_BYTE header[8] = {0xa6, 0x59, 0x59, 0xa6, 0, 0, CK_BYTE(text.size() >> 8), CK_BYTE(text.size())};
  memcpy(wrapped.data(), header, 8);
  std::copy(text.begin(), text.end(), wrapped.begin() + 8);
  for (size_t j = 0; j < 6; j++)
    for (size_t i = 1; i <= n; i++)
    {
      CK_BYTE block[16];
      memcpy(block, wrapped.data(), 8);
      memcpy(block + 8, wrapped.data() + 8 * i, 8);
      CK_RV rv = blockOf(true, session, key, block);
      if (rv != CKR_OK) return rv;
      size_t t = n * j + i;
      block[7] ^= t & 0xff;
      block[6] ^= (t >> 8) & 0xff;
      memcpy(wrapped.data(), block, 8);
      memcpy(wrapped.data() + 8 * i, block + 8, 8);
    }
  return CKR_OK;
}

CK_RV unwrapWithPadding(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, Bytes wrapped, Bytes &text)
{
  if (wrapped.size() < 24 || wrapped.size() % 8 != 0) return CKR_ENCRYPTED_DATA_LEN_RANGE;
  size_t n = wrapped.size() / 8 - 1;
  for (size_t j = 6; j-- > 0;)
    for (size_t i = n; i >= 1; i--)
    {
      CK_BYTE block[16];
      memcpy(block, wrapped.data(), 8);
      memcpy(block + 8, wrapped.data() + 8 * i, 8);
      size_t t = n * j + i;
      block[7] ^= t & 0xff;
      block[6] ^= (t >> 8) & 0xff;
      CK_RV rv = blockOf(false, session, key, block);
      if (rv != CKR_OK) return rv;
      memcpy(wrapped.data(), block, 8);
      memcpy(wrapped.data() + 8 * i, block + 8, 8);
    }
  const CK_BYTE prefix[6] = {0xa6, 0x59, 0x59, 0xa6, 0, 0};
  size_t length = (size_t(wrapped[6]) << 8) | wrapped[7];
  if (memcmp(wrapped.data(), prefix, 6) != 0 || length > 8 * n || length + 8 <= 8 * n) return CKR_ENCRYPTED_DATA_INVALID;
  for (size_t at = 8 + length; at < wrapped.size(); at++)
    if (wrapped[at] != 0) return CKR_ENCRYPTED_DATA_INVALID;
  text.assign(wrapped.begin() + 8, wrapped.begin() + 8 + length);
  return CKR_OK;
}

CK_RV gcm(bool encrypt, CK_SESSION_HANDLE session, Operation &op, Bytes &iv, const Bytes &in, Bytes &out)
{
  CK_GCM_PARAMS params = {iv.data(), iv.size(), 8 * iv.size(), op.aad.data(), op.aad.size(), 8 * TAG};
  CK_MECHANISM mechanism = {CKM_AES_GCM, &params, sizeof(params)};
  out.assign(in.size() + 64, 0);
  CK_ULONG length = out.size();
  CK_BYTE_PTR data = const_cast<CK_BYTE_PTR>(in.data());
  CK_RV rv = encrypt ? soft->C_EncryptInit(session, &mechanism, op.key) : soft->C_DecryptInit(session, &mechanism, op.key);
  if (rv != CKR_OK) return rv;
  rv = encrypt ? soft->C_Encrypt(session, data, in.size(), out.data(), &length)
               : soft->C_Decrypt(session, data, in.size(), out.data(), &length);
  out.resize(rv == CKR_OK ? length : 0);
  return rv;
}

CK_RV begin(Operation &op, bool encrypt, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
  op = Operation();
  op.ours = true;
  op.mechanism = mechanism->mechanism;
  op.key = key;
  if (mechanism->mechanism == KWP) return CKR_OK;
  if (mechanism->ulParameterLen != sizeof(CK_GCM_PARAMS)) return CKR_MECHANISM_PARAM_INVALID;
  const CK_GCM_PARAMS *params = static_cast<const CK_GCM_PARAMS *>(mechanism->pParameter);
  op.iv = params->pIv;
  op.ivLength = params->ulIvLen;
  op.aad.assign(params->pAAD, params->pAAD + params->ulAADLen);
  bool zeros = op.ivLength == 12 && std::all_of(op.iv, op.iv + op.ivLength, [](CK_BYTE byte) { return byte == 0; });
  bool none = op.ivLength == 0;
  bool fits;
  if (!encrypt)
    // Luna reads ulIvBits when it decrypts.
    fits = !none && params->ulIvBits == 8 * op.ivLength;
  else
    fits = is("luna") ? none : zeros;
  if (params->ulTagBits != 8 * TAG) fits = false;
  if (!fits) op.ours = false;
  return fits ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

CK_RV give(const Bytes &bytes, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
  CK_ULONG room = *length;
  *length = bytes.size();
  if (out == nullptr) return CKR_OK;
  if (room < bytes.size()) return CKR_BUFFER_TOO_SMALL;
  std::copy(bytes.begin(), bytes.end(), out);
  return CKR_OK;
}

CK_RV C_EncryptInit_(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
  if (isHidden(mechanism->mechanism)) return CKR_MECHANISM_INVALID;
  if (isOurs(mechanism->mechanism)) return begin(encrypting, true, mechanism, key);
  return soft->C_EncryptInit(session, mechanism, key);
}

CK_RV C_Encrypt_(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG size, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
  if (!encrypting.ours) return soft->C_Encrypt(session, data, size, out, length);
  Operation op = encrypting;
  encrypting = Operation();
  Bytes in(data, data + size), result;
  if (op.mechanism == KWP)
  {
    CK_RV rv = wrapWithPadding(session, op.key, in, result);
    return rv == CKR_OK ? give(result, out, length) : rv;
  }
  Bytes iv(is("luna") ? 16 : 12);
  CK_RV rv = soft->C_GenerateRandom(session, iv.data(), iv.size());
  if (rv == CKR_OK) rv = gcm(true, session, op, iv, in, result);
  if (rv != CKR_OK) return rv;
  if (is("luna"))
    result.insert(result.end(), iv.begin(), iv.end());
  else
    std::copy(iv.begin(), iv.end(), op.iv);
  return give(result, out, length);
}

CK_RV C_DecryptInit_(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
  if (isHidden(mechanism->mechanism)) return CKR_MECHANISM_INVALID;
  if (isOurs(mechanism->mechanism)) return begin(decrypting, false, mechanism, key);
  return soft->C_DecryptInit(session, mechanism, key);
}

CK_RV C_Decrypt_(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG size, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
  if (!decrypting.ours) return soft->C_Decrypt(session, data, size, out, length);
  Operation op = decrypting;
  decrypting = Operation();
  Bytes in(data, data + size), result;
  if (op.mechanism == KWP)
  {
    CK_RV rv = unwrapWithPadding(session, op.key, in, result);
    return rv == CKR_OK ? give(result, out, length) : rv;
  }
  Bytes iv(op.iv, op.iv + op.ivLength);
  CK_RV rv = gcm(false, session, op, iv, in, result);
  return rv == CKR_OK ? give(result, out, length) : rv;
}

CK_RV C_GetMechanismList_(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR count)
{
  CK_ULONG all = 0;
  CK_RV rv = soft->C_GetMechanismList(slot, nullptr, &all);
  if (rv != CKR_OK) return rv;
  std::vector<CK_MECHANISM_TYPE> mechanisms(all);
  rv = soft->C_GetMechanismList(slot, mechanisms.data(), &all);
  if (rv != CKR_OK) return rv;
  mechanisms.erase(std::remove_if(mechanisms.begin(), mechanisms.end(), isHidden), mechanisms.end());
  if (is("kwp") || is("yubihsm")) mechanisms.push_back(KWP);
  CK_ULONG room = *count;
  *count = mechanisms.size();
  if (list == nullptr) return CKR_OK;
  if (room < mechanisms.size()) return CKR_BUFFER_TOO_SMALL;
  std::copy(mechanisms.begin(), mechanisms.end(), list);
  return CKR_OK;
}

CK_RV C_GetMechanismInfo_(CK_SLOT_ID slot, CK_MECHANISM_TYPE mechanism, CK_MECHANISM_INFO_PTR info)
{
  if (mechanism != KWP) return soft->C_GetMechanismInfo(slot, mechanism, info);
  *info = {16, 32, is("yubihsm") ? CK_FLAGS(1) : CRYPTS};
  return CKR_OK;
}

CK_RV C_GenerateKey_(
  CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR attributes, CK_ULONG count,
  CK_OBJECT_HANDLE_PTR key)
{
  std::vector<CK_ATTRIBUTE> asked(attributes, attributes + count);
  CK_BBOOL yes = CK_TRUE;
  for (CK_ATTRIBUTE &attribute : asked)
  {
    bool isFalse = attribute.ulValueLen == 1 && *static_cast<CK_BBOOL *>(attribute.pValue) == CK_FALSE;
    if (is("cloudhsm") && attribute.type == CKA_COPYABLE) return CKR_ATTRIBUTE_TYPE_INVALID;
    if (is("cloudhsm") && attribute.type == CKA_MODIFIABLE && isFalse) return CKR_ATTRIBUTE_VALUE_INVALID;
    if (is("loose") && attribute.type == CKA_WRAP) attribute.pValue = &yes;
  }
  return soft->C_GenerateKey(session, mechanism, asked.data(), count, key);
}

CK_RV C_GetAttributeValue_(
  CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR attributes, CK_ULONG count)
{
  for (CK_ULONG i = 0; i < count; i++)
    if (is("cloudhsm") && attributes[i].type == CKA_COPYABLE) return CKR_ATTRIBUTE_TYPE_INVALID;
  return soft->C_GetAttributeValue(session, object, attributes, count);
}

}  // namespace

extern "C" CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
  const char *module = getenv("VENDOR_TOKEN_MODULE");
  void *library = module == nullptr ? nullptr : dlopen(module, RTLD_NOW);
  if (library == nullptr) return CKR_GENERAL_ERROR;
  CK_C_GetFunctionList real = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
  CK_RV rv = real == nullptr ? CKR_GENERAL_ERROR : real(&soft);
  if (rv != CKR_OK) return rv;
  functions = *soft;
  functions.C_GetMechanismList = C_GetMechanismList_;
  functions.C_GetMechanismInfo = C_GetMechanismInfo_;
  functions.C_GenerateKey = C_GenerateKey_;
  functions.C_GetAttributeValue = C_GetAttributeValue_;
  functions.C_EncryptInit = C_EncryptInit_;
  functions.C_Encrypt = C_Encrypt_;
  functions.C_DecryptInit = C_DecryptInit_;
  functions.C_Decrypt = C_Decrypt_;
  *list = &functions;
  return CKR_OK;
}
