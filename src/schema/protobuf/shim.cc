/* libprotobuf behind C functions: see shim.h. The only file that is C++. */
extern "C" {
#include "schema/protobuf/shim.h"
#include "mqtk/format.h"
}

#include <algorithm>
#include <exception>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/api.pb.h>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/source_context.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/type.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <iterator>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <vector>

namespace pb = google::protobuf;

#ifdef MQ_PROTOBUF_DEFERRED
/* The borders of the section that deferred.ld makes. */
extern "C" {
typedef void start_fn(int argc, char **argv, char **envp);
extern start_fn *const __start_pb_init[]; // NOLINT(bugprone-reserved-identifier)
extern start_fn *const __stop_pb_init[];  // NOLINT(bugprone-reserved-identifier)
}
#endif

namespace
{

constexpr size_t text_limit = size_t(64) << 20;

/* Whether braces nest deeper than anybody writes: the parser calls itself for each. */
bool too_deep(struct mq_bytes text)
{
	const char *p = text.data, *end = text.data + text.len;
	int depth = 0;

	for (; p < end; p++) {
		if (*p == '"' || *p == '\'') {
			char quote = *p;
			for (p++; p < end && *p != quote && *p != '\n'; p++)
				p += *p == '\\';
		} else if (*p == '/' && end - p > 1 && p[1] == '/') {
			while (p < end && *p != '\n')
				p++;
		} else if (*p == '/' && end - p > 1 && p[1] == '*') {
			for (p += 2; p < end && !(*p == '*' && end - p > 1 && p[1] == '/');)
				p++;
		} else if (*p == '{' && ++depth > 100) {
			return true;
		} else if (*p == '}' && depth > 0) {
			depth--;
		}
	}
	return false;
}

/* The registry may hand out texts in which the entries of a map are a message with the option
 * map_entry, which the language does not allow: the parser sees another name of that length. */
const std::string entry_option = "map_entry", entry_stand_in = "map_Entry";

std::string allow_entries(struct mq_bytes text)
{
	std::string copy(text.data, text.len);
	const std::string before = "option";

	for (size_t at = 0; (at = copy.find(entry_option, at)) != std::string::npos; at++) {
		size_t end = copy.find_last_not_of(" \t\r\n", at ? at - 1 : 0);
		if (end != std::string::npos && end + 1 < at && end + 1 >= before.size() &&
		    copy.compare(end + 1 - before.size(), before.size(), before) == 0)
			copy.replace(at, entry_stand_in.size(), entry_stand_in);
	}
	return copy;
}

/* A FileDescriptorSet, or one file of it, as bytes. */
bool parse_set(struct mq_bytes text, pb::FileDescriptorSet *ret)
{
	auto sound = [](const pb::FileDescriptorSet &set) {
		if (set.file_size() == 0)
			return false;
		for (const auto &file : set.file())
			if (file.name().empty() || file.unknown_fields().field_count() > 0)
				return false;
		return true;
	};
	if (text.len > INT32_MAX)
		return false;
	if (ret->ParseFromArray(text.data, int(text.len)) && sound(*ret))
		return true;
	ret->Clear();
	if (ret->add_file()->ParseFromArray(text.data, int(text.len)) && sound(*ret))
		return true;
	ret->Clear();
	return false;
}

/* The same as bytes or base64. */
bool read_set(struct mq_bytes text, pb::FileDescriptorSet *ret)
{
	struct mq_buf raw;
	std::string digits;

	if (parse_set(text, ret))
		return true;
	std::copy_if(text.data, text.data + text.len, std::back_inserter(digits),
	             [](char c) { return c != '\n' && c != '\r' && c != ' '; });
	mq_buf_init(&raw, text_limit);
	bool is_set =
	    mq_base64_decode(&raw, mq_bytes_of(digits.data(), digits.size()), nullptr) == 0 &&
	    parse_set(mq_bytes_of(raw.data, raw.len), ret);
	mq_buf_release(&raw);
	return is_set;
}

/* The files of one compilation. */
class Files : public pb::compiler::SourceTree
{
      public:
	Files(const struct mq_schema_spec *spec, std::string root, struct mq_err *err)
	    : spec_(spec), root_(std::move(root)), err_(err)
	{
	}

	pb::io::ZeroCopyInputStream *Open(const std::string &name) override
	{
		if (name == root_)
			return give(name, spec_->text);
		const std::string *text = load(name);
		return text ? give(name, mq_bytes_of(text->data(), text->size())) : nullptr;
	}

	/* An import may be a descriptor, too: so clients register what their code was made of. */
	bool describe(const std::string &name, pb::FileDescriptorProto *ret)
	{
		pb::FileDescriptorSet set;
		const std::string *text = name == root_ ? nullptr : load(name);

		if (!text || !read_set(mq_bytes_of(text->data(), text->size()), &set))
			return false;
		*ret = set.file(set.file_size() - 1);
		ret->set_name(name);
		return true;
	}

	std::string GetLastErrorMessage() override
	{
		return missing;
	}
	static constexpr const char *missing = "there is no such file";

	bool failed() const
	{
		return failed_;
	}

      private:
	/* Each is brought once; nullptr: there is none. */
	const std::string *load(const std::string &name)
	{
		auto known = loaded_.find(name);
		struct mq_buf buf;

		if (known != loaded_.end())
			return known->second.get();
		if (!spec_->load || failed_)
			return nullptr;
		mq_buf_init(&buf, text_limit);
		int found = spec_->load(spec_->load_ctx, name.c_str(), &buf, err_);
		auto &text = loaded_[name];
		failed_ = found < 0;
		if (found > 0)
			text = std::make_unique<std::string>(buf.data ? buf.data : "", buf.len);
		mq_buf_release(&buf);
		return text.get();
	}

	pb::io::ZeroCopyInputStream *give(const std::string &name, struct mq_bytes text)
	{
		if (too_deep(text)) {
			mq_fail(err_, MQ_DATA, "%s: braces that nest deeper than 100",
			        name.c_str());
			failed_ = true;
			return nullptr;
		}
		texts_.emplace_back(new std::string(allow_entries(text)));
		return new pb::io::ArrayInputStream(texts_.back()->data(),
		                                    int(texts_.back()->size()));
	}

	const struct mq_schema_spec *spec_;
	std::string root_;
	struct mq_err *err_;
	bool failed_ = false;
	std::map<std::string, std::unique_ptr<std::string>> loaded_;
	std::vector<std::unique_ptr<std::string>> texts_;
};

/* The first complaint is the one that is told: later ones follow from it. */
class Complaints : public pb::compiler::MultiFileErrorCollector,
                   public pb::DescriptorPool::ErrorCollector
{
      public:
	void AddError(const std::string &file, int line, int column,
	              const std::string &words) override
	{
		std::string place = file;
		if (words == Files::missing)
			return; /* who imports it says so, and where */
		if (line >= 0)
			place += ":" + std::to_string(line + 1) + ":" + std::to_string(column + 1);
		keep(place, words);
	}
	void AddWarning(const std::string &, int, int, const std::string &) override
	{
	}
	void AddError(const std::string &file, const std::string &element, const pb::Message *,
	              ErrorLocation, const std::string &words) override
	{
		keep(file, element + ": " + words);
	}
	void AddWarning(const std::string &, const std::string &, const pb::Message *,
	                ErrorLocation, const std::string &) override
	{
	}

	int tell(const char *name, struct mq_err *err) const
	{
		if (text_.empty())
			return mq_fail(err, MQ_DATA, "%s is no Protobuf schema", name);
		return mq_fail(err, MQ_DATA, "%s", text_.c_str());
	}

      private:
	void keep(const std::string &place, std::string words)
	{
		if (!text_.empty())
			return;
		while (!words.empty() && (words.back() == '.' || words.back() == '\n'))
			words.pop_back();
		text_ = place + ": " + words;
		std::replace(text_.begin(), text_.end(), '\0', '?');
	}
	std::string text_;
};

/* Files that stand in a set that was given, else what is loaded, else the well-known types. */
class GivenFirst : public pb::DescriptorDatabase
{
      public:
	GivenFirst(const pb::FileDescriptorSet &set, Files *files, pb::DescriptorDatabase *more)
	    : set_(set), files_(files), more_(more)
	{
	}
	bool FindFileByName(const std::string &name, pb::FileDescriptorProto *ret) override
	{
		for (const auto &file : set_.file())
			if (file.name() == name) {
				*ret = file;
				return true;
			}
		if (const pb::FileDescriptor *known =
		        pb::DescriptorPool::generated_pool()->FindFileByName(name)) {
			known->CopyTo(ret);
			known->CopyJsonNameTo(ret);
			return true;
		}
		if (files_->describe(name, ret))
			return true;
		if (!more_->FindFileByName(name, ret))
			return false;
		for (auto &message : *ret->mutable_message_type())
			arrange(&message);
		return true;
	}
	bool FindFileContainingSymbol(const std::string &, pb::FileDescriptorProto *) override
	{
		return false;
	}
	bool FindFileContainingExtension(const std::string &, int,
	                                 pb::FileDescriptorProto *) override
	{
		return false;
	}

      private:
	/* The entries of maps that are written as map<K, V> go behind the messages that stand in
	 * the text: the registry's own implementation counts only these for its message indexes.
	 * Those that are messages with an option keep their places. */
	static void arrange(pb::DescriptorProto *message)
	{
		auto *nested = message->mutable_nested_type();
		std::stable_partition(
		    nested->pointer_begin(), nested->pointer_end(),
		    [](const pb::DescriptorProto *type) { return !type->options().map_entry(); });
		for (auto &type : *nested) {
			arrange(&type);
			auto *options = type.mutable_options()->mutable_uninterpreted_option();
			for (int i = 0; i < options->size(); i++) {
				const auto &option = options->Get(i);
				if (option.name_size() == 1 && !option.name(0).is_extension() &&
				    option.name(0).name_part() == entry_stand_in &&
				    option.identifier_value() == "true") {
					type.mutable_options()->set_map_entry(true);
					options->DeleteSubrange(i--, 1);
				}
			}
		}
	}

	const pb::FileDescriptorSet &set_;
	Files *files_;
	pb::DescriptorDatabase *more_;
};

void say_nothing(pb::LogLevel, const char *, int, const std::string &)
{
}

/* Each file once, behind those that it needs. */
void collect(const pb::FileDescriptor *file, std::set<const pb::FileDescriptor *> &seen,
             pb::FileDescriptorSet *ret)
{
	if (!seen.insert(file).second)
		return;
	for (int i = 0; i < file->dependency_count(); i++)
		collect(file->dependency(i), seen, ret);
	pb::FileDescriptorProto *proto = ret->add_file();
	file->CopyTo(proto);
	file->CopyJsonNameTo(proto);
}

void collect_well_known(std::set<const pb::FileDescriptor *> &seen, pb::DescriptorPool &pool,
                        pb::FileDescriptorSet *ret)
{
	for (const pb::Descriptor *type :
	     {pb::Any::descriptor(), pb::Api::descriptor(), pb::Duration::descriptor(),
	      pb::Empty::descriptor(), pb::FieldMask::descriptor(), pb::Struct::descriptor(),
	      pb::Timestamp::descriptor(), pb::StringValue::descriptor()})
		if (const pb::FileDescriptor *file = pool.FindFileByName(type->file()->name()))
			collect(file, seen, ret);
}

int compile(const struct mq_schema_spec *spec, struct mq_buf *buf, struct mq_err *err)
{
	const char *name = spec->name ? spec->name : "schema.proto";
	pb::FileDescriptorSet given, all;

	if (spec->text.len > text_limit)
		return mq_fail(err, MQ_DATA, "%s is larger than 64 MiB", name);
	bool is_set = read_set(spec->text, &given);
	std::string root = is_set ? given.file(given.file_size() - 1).name() : std::string(name);
	Files files(spec, root, err);
	Complaints complaints;
	pb::compiler::SourceTreeDescriptorDatabase sources(&files);
	sources.RecordErrorsTo(&complaints);
	GivenFirst database(given, &files, &sources);
	pb::DescriptorPool pool(
	    &database, is_set ? static_cast<pb::DescriptorPool::ErrorCollector *>(&complaints)
	                      : sources.GetValidationErrorCollector());
	pool.EnforceWeakDependencies(true);
	const pb::FileDescriptor *file = pool.FindFileByName(root);
	if (files.failed())
		return -1;
	if (!file)
		return complaints.tell(name, err);
	std::set<const pb::FileDescriptor *> seen;
	collect_well_known(seen, pool, &all);
	/* Files that only the set has may hold extensions, and types that an Any names. */
	for (const auto &other : given.file())
		if (const pb::FileDescriptor *more = pool.FindFileByName(other.name()))
			if (more != file)
				collect(more, seen, &all);
	seen.erase(file);
	for (int i = 0; i < all.file_size(); i++)
		if (all.file(i).name() == root)
			all.mutable_file()->DeleteSubrange(i--, 1);
	collect(file, seen, &all);
	std::string bytes = all.SerializeAsString();
	return mq_buf_append(buf, bytes.data(), bytes.size(), err);
}

/* --- normal form ------------------------------------------------------------------------------ */

template <class List, class Less> void sort(List *list, Less less)
{
	std::stable_sort(list->pointer_begin(), list->pointer_end(),
	                 [&](const auto *a, const auto *b) { return less(*a, *b); });
}

const auto by_start = [](const auto &a, const auto &b) { return a.start() < b.start(); };

/* Members of a oneof stay together, at the place of the smallest. */
void sort_fields(pb::DescriptorProto *message)
{
	std::vector<int> smallest(size_t(message->oneof_decl_size()), INT32_MAX);

	for (const auto &field : message->field())
		if (field.has_oneof_index())
			smallest[size_t(field.oneof_index())] =
			    std::min(smallest[size_t(field.oneof_index())], field.number());
	auto place = [&](const pb::FieldDescriptorProto &field) {
		return std::make_pair(field.has_oneof_index()
		                          ? smallest[size_t(field.oneof_index())]
		                          : field.number(),
		                      field.number());
	};
	sort(message->mutable_field(),
	     [&](const auto &a, const auto &b) { return place(a) < place(b); });
}

template <class List> void sort_extensions(List *list)
{
	sort(list, [](const auto &a, const auto &b) {
		return std::make_pair(a.extendee(), a.number()) <
		       std::make_pair(b.extendee(), b.number());
	});
}

/* A name in JSON that is the one which the field has anyhow is not printed. */
void clear_json_name(pb::FieldDescriptorProto *field)
{
	std::string camel;
	bool up = false;

	for (char c : field->name()) {
		if (c != '_')
			camel += char(up && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
		up = c == '_';
	}
	if (camel == field->json_name())
		field->clear_json_name();
}

void normalize(pb::EnumDescriptorProto *type)
{
	auto *values = type->mutable_value();
	std::stable_sort(values->pointer_begin() + 1, values->pointer_end(),
	                 [](const auto *a, const auto *b) { return a->number() < b->number(); });
	sort(type->mutable_reserved_range(), by_start);
	std::sort(type->mutable_reserved_name()->begin(), type->mutable_reserved_name()->end());
}

void normalize(pb::DescriptorProto *message)
{
	sort_fields(message);
	for (auto &field : *message->mutable_field())
		clear_json_name(&field);
	for (auto &field : *message->mutable_extension())
		field.clear_json_name();
	sort_extensions(message->mutable_extension());
	sort(message->mutable_extension_range(), by_start);
	sort(message->mutable_reserved_range(), by_start);
	std::sort(message->mutable_reserved_name()->begin(),
	          message->mutable_reserved_name()->end());
	for (auto &nested : *message->mutable_nested_type())
		normalize(&nested);
	for (auto &type : *message->mutable_enum_type())
		normalize(&type);
}

/* Imports are sorted; the lists of public and weak ones are their numbers. */
void sort_imports(pb::FileDescriptorProto *file)
{
	std::vector<std::string> names(file->dependency().begin(), file->dependency().end());
	auto renumber = [&](pb::RepeatedField<int32_t> *numbers) {
		for (auto &number : *numbers)
			number = int32_t(
			    std::lower_bound(names.begin(), names.end(), file->dependency(number)) -
			    names.begin());
		std::sort(numbers->begin(), numbers->end());
	};
	std::sort(names.begin(), names.end());
	renumber(file->mutable_public_dependency());
	renumber(file->mutable_weak_dependency());
	std::copy(names.begin(), names.end(), file->mutable_dependency()->begin());
}

int normal_form(struct mq_bytes bytes, struct mq_buf *buf, struct mq_err *err)
{
	pb::FileDescriptorSet set;
	pb::DescriptorPool pool;
	const pb::FileDescriptor *file = nullptr;

	if (!set.ParseFromArray(bytes.data, int(bytes.len)) || set.file_size() == 0)
		return mq_fail(err, MQ_INTERNAL, "descriptors that cannot be read again");
	pb::FileDescriptorProto *last = set.mutable_file(set.file_size() - 1);
	sort_imports(last);
	for (auto &message : *last->mutable_message_type())
		normalize(&message);
	for (auto &type : *last->mutable_enum_type())
		normalize(&type);
	sort_extensions(last->mutable_extension());
	for (auto &field : *last->mutable_extension())
		field.clear_json_name();
	for (const auto &one : set.file()) {
		file = pool.BuildFile(one);
		if (!file)
			return mq_fail(err, MQ_INTERNAL, "descriptors that cannot be built again");
	}
	std::string text = file->DebugString();
	return mq_buf_append(buf, text.data(), text.size(), err);
}

/* What a C++ program does before main(), when it was kept from that: see deferred.ld. */
void start()
{
#ifdef MQ_PROTOBUF_DEFERRED
	static bool started;
	char *nothing[] = {nullptr};

	if (started)
		return;
	started = true;
	for (start_fn *const *fn = __start_pb_init; fn < __stop_pb_init; fn++)
		(*fn)(0, nothing, nothing);
#endif
}

/* No exception and no words of the library get out. */
template <class Work> int guarded(struct mq_err *err, Work work)
{
	start();
	pb::LogHandler *before = pb::SetLogHandler(say_nothing);
	int result = -1;

	try {
		result = work();
	} catch (const std::bad_alloc &) {
		mq_fail_memory(err);
	} catch (const std::exception &e) {
		mq_fail(err, MQ_DATA, "libprotobuf: %s", e.what());
	} catch (...) {
		mq_fail(err, MQ_INTERNAL, "libprotobuf failed without words");
	}
	pb::SetLogHandler(before);
	return result;
}

} // namespace

int pb_compile(const struct mq_schema_spec *spec, struct mq_buf *set, struct mq_err *err)
{
	return guarded(err, [&] { return compile(spec, set, err); });
}

int pb_normal_form(struct mq_bytes set, struct mq_buf *buf, struct mq_err *err)
{
	return guarded(err, [&] { return normal_form(set, buf, err); });
}
