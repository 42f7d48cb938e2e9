#include "synonyms.h"

#include <array>
#include <string>

#include "attune/base/text.h"

namespace attune::events {
namespace {

using enum EventType;

constexpr std::array kTypes = std::to_array<TypeSynonym>({
    {"pv", view}, {"page", view}, {"screen", view}, {"page view", view}, {"pageview", view}, {"screen view", view},
    {"view item", view}, {"product viewed", view}, {"product view", view}, {"detail", view}, {"browse", view},
    {"read", view}, {"watch", view}, {"play", view}, {"visit", view}, {"浏览", view}, {"查看", view}, {"访问", view},
    {"view item list", list_view}, {"product list viewed", list_view}, {"浏览列表", list_view},
    {"view search results", search}, {"products searched", search}, {"query", search}, {"搜索", search},
    {"cart", cart_add}, {"add to cart", cart_add}, {"addtocart", cart_add}, {"product added", cart_add},
    {"add cart", cart_add}, {"加购", cart_add}, {"加入购物车", cart_add}, {"加购物车", cart_add},
    {"remove from cart", cart_remove}, {"product removed", cart_remove}, {"remove cart", cart_remove},
    {"移出购物车", cart_remove},
    {"fav", wishlist}, {"favorite", wishlist}, {"favourite", wishlist}, {"collect", wishlist},
    {"add to wishlist", wishlist}, {"product added to wishlist", wishlist}, {"收藏", wishlist},
    {"begin checkout", checkout}, {"checkout started", checkout}, {"结算", checkout},
    {"buy", purchase}, {"bought", purchase}, {"order", purchase}, {"sale", purchase}, {"transaction", purchase},
    {"order completed", purchase}, {"order paid", purchase}, {"paid", purchase}, {"pay", purchase},
    {"completed", purchase}, {"购买", purchase}, {"下单", purchase}, {"支付", purchase}, {"付款", purchase},
    {"成交", purchase}, {"交易成功", purchase}, {"已完成", purchase},
    {"return", refund}, {"returned", refund}, {"refunded", refund}, {"order refunded", refund},
    {"order cancelled", refund}, {"退款", refund}, {"退货", refund}, {"取消", refund},
    {"rate", rating}, {"rated", rating}, {"评分", rating}, {"打分", rating},
    {"product reviewed", review}, {"评价", review}, {"评论商品", review},
    {"upvote", like}, {"thumbs up", like}, {"点赞", like}, {"喜欢", like}, {"评论", comment}, {"分享", share},
    {"product shared", share}, {"关注", follow}, {"注册", signup}, {"sign up", signup}, {"signed up", signup},
    {"register", signup}, {"account created", signup}, {"show", impression}, {"expose", impression},
    {"exposure", impression}, {"view promotion", impression}, {"promotion viewed", impression}, {"曝光", impression},
    {"展示", impression}, {"product clicked", click}, {"promotion clicked", click}, {"select item", click},
    {"select promotion", click}, {"点击", click}, {"email sent", message_sent}, {"email opened", message_opened},
    {"email link clicked", message_clicked}, {"unsubscribed", unsubscribe}, {"退订", unsubscribe},
});

constexpr std::array kEventFields = std::to_array<FieldSynonym>({
    {"customer", "customer", 1}, {"customer", "customerid", 1}, {"customer", "user", 1}, {"customer", "userid", 1},
    {"customer", "custid", 1}, {"customer", "clientid", .8}, {"customer", "memberid", 1}, {"customer", "member", .9},
    {"customer", "buyerid", 1}, {"customer", "buyer", .9}, {"customer", "shopperid", 1}, {"customer", "visitorid", .8},
    {"customer", "householdid", .9}, {"customer", "personid", .9}, {"customer", "person", .8},
    {"customer", "accountid", .8}, {"customer", "customernumber", 1}, {"customer", "customerno", 1},
    {"customer", "cardno", .7}, {"customer", "uid", .9}, {"customer", "useremail", .8}, {"customer", "email", .7},
    {"customer", "客户", 1}, {"customer", "客户id", 1}, {"customer", "客户编号", 1}, {"customer", "客户号", 1},
    {"customer", "客户代码", 1}, {"customer", "顾客", 1}, {"customer", "顾客id", 1}, {"customer", "顾客编号", 1},
    {"customer", "用户", 1}, {"customer", "用户id", 1}, {"customer", "用户编号", 1}, {"customer", "会员", 1},
    {"customer", "会员id", 1}, {"customer", "会员号", 1}, {"customer", "会员编号", 1}, {"customer", "会员卡号", .9},
    {"customer", "买家", .9}, {"customer", "买家id", 1}, {"customer", "买家会员名", .9}, {"customer", "手机号", .6},
    {"anonymous", "anonymousid", 1}, {"anonymous", "userpseudoid", 1}, {"anonymous", "deviceid", .9},
    {"anonymous", "cookie", .8}, {"anonymous", "cookieid", .9}, {"anonymous", "设备id", .9}, {"anonymous", "设备号", .9},
    {"item", "item", 1}, {"item", "itemid", 1}, {"item", "product", .9}, {"item", "productid", 1}, {"item", "sku", 1},
    {"item", "skuid", 1}, {"item", "stockcode", 1}, {"item", "productcode", 1}, {"item", "itemcode", 1},
    {"item", "articleid", .9}, {"item", "movieid", .9}, {"item", "artistid", .9}, {"item", "videoid", .9},
    {"item", "goodsid", 1}, {"item", "asin", 1}, {"item", "parentasin", .8}, {"item", "bookid", .9},
    {"item", "isbn", .8}, {"item", "商品", .9}, {"item", "商品id", 1}, {"item", "商品编号", 1}, {"item", "商品编码", 1},
    {"item", "商品代码", 1}, {"item", "商品号", 1}, {"item", "产品", .9}, {"item", "产品id", 1}, {"item", "产品编号", 1},
    {"item", "货号", 1}, {"item", "宝贝id", 1}, {"item", "物品id", 1}, {"item", "条码", .8},
    {"time", "time", 1}, {"time", "timestamp", 1}, {"time", "eventtime", 1}, {"time", "date", .9},
    {"time", "datetime", 1}, {"time", "invoicedate", 1}, {"time", "orderdate", 1}, {"time", "purchasedate", 1},
    {"time", "createdat", .9}, {"time", "createtime", .9}, {"time", "orderpurchasetimestamp", 1},
    {"time", "transactiontimestamp", 1}, {"time", "transactiondate", 1}, {"time", "originaltimestamp", .8},
    {"time", "ts", .8}, {"time", "unixreviewtime", .9}, {"time", "saledate", 1}, {"time", "eventtimestamp", 1},
    {"time", "时间", 1}, {"time", "日期", .95}, {"time", "时间戳", 1}, {"time", "下单时间", 1}, {"time", "下单日期", 1},
    {"time", "订单时间", 1}, {"time", "订单日期", 1}, {"time", "订单创建时间", .95}, {"time", "购买时间", 1},
    {"time", "购买日期", 1}, {"time", "付款时间", .9}, {"time", "订单付款时间", .9}, {"time", "支付时间", .9},
    {"time", "交易时间", 1}, {"time", "交易日期", 1}, {"time", "成交时间", 1}, {"time", "行为时间", 1},
    {"time", "创建时间", .9}, {"time", "消费时间", 1}, {"time", "消费日期", 1}, {"time", "销售日期", 1},
    {"type", "type", .8}, {"type", "eventtype", 1}, {"type", "event", .9}, {"type", "eventname", .9},
    {"type", "behavior", 1}, {"type", "behaviour", 1}, {"type", "behaviortype", 1}, {"type", "action", .9},
    {"type", "actiontype", 1}, {"type", "行为", 1}, {"type", "行为类型", 1}, {"type", "用户行为", 1},
    {"type", "事件", 1}, {"type", "事件类型", 1}, {"type", "类型", .6}, {"type", "操作", .7},
    {"order", "order", .9}, {"order", "orderid", 1}, {"order", "orderno", 1}, {"order", "ordernumber", 1},
    {"order", "invoice", 1}, {"order", "invoiceno", 1}, {"order", "invoiceid", 1}, {"order", "invoicenumber", 1},
    {"order", "basketid", 1}, {"order", "transactionid", 1}, {"order", "receiptid", 1}, {"order", "receiptno", 1},
    {"order", "订单", .9}, {"order", "订单号", 1}, {"order", "订单编号", 1}, {"order", "订单id", 1}, {"order", "单号", 1},
    {"order", "小票号", 1}, {"order", "流水号", .9}, {"order", "交易号", 1},
    {"quantity", "quantity", 1}, {"quantity", "qty", 1}, {"quantity", "count", .6}, {"quantity", "units", .9},
    {"quantity", "numberofitems", .9}, {"quantity", "numberofcds", .9}, {"quantity", "数量", 1},
    {"quantity", "购买数量", 1}, {"quantity", "件数", 1}, {"quantity", "销售数量", 1}, {"quantity", "商品数量", 1},
    {"quantity", "宝贝总数量", .9},
    {"price", "price", 1}, {"price", "unitprice", 1}, {"price", "itemprice", 1}, {"price", "单价", 1},
    {"price", "价格", 1}, {"price", "商品单价", 1}, {"price", "商品价格", 1}, {"price", "售价", 1}, {"price", "产品单价", 1},
    {"value", "value", .8}, {"value", "amount", 1}, {"value", "total", .9}, {"value", "totalamount", 1},
    {"value", "revenue", 1}, {"value", "sales", .8}, {"value", "salesvalue", 1}, {"value", "saleamount", 1},
    {"value", "lineamount", 1}, {"value", "linetotal", 1}, {"value", "totalprice", 1}, {"value", "dollarvalue", 1},
    {"value", "spend", .9}, {"value", "paymentvalue", .9}, {"value", "金额", 1}, {"value", "总金额", 1},
    {"value", "总价", 1}, {"value", "订单金额", 1}, {"value", "消费金额", 1}, {"value", "销售额", 1}, {"value", "销售金额", 1},
    {"value", "实付金额", 1}, {"value", "支付金额", 1}, {"value", "成交金额", 1}, {"value", "买家实际支付金额", 1},
    {"value", "付款金额", 1}, {"value", "交易金额", 1},
    {"currency", "currency", 1}, {"currency", "currencycode", 1}, {"currency", "币种", 1}, {"currency", "货币", 1},
    {"rating", "rating", 1}, {"rating", "stars", .9}, {"rating", "score", .7}, {"rating", "overall", .7},
    {"rating", "评分", 1}, {"rating", "星级", .9}, {"rating", "打分", 1},
    {"duration_ms", "durationms", 1}, {"duration_ms", "dwelltimems", 1}, {"duration_ms", "停留毫秒", 1},
    {"channel", "channel", 1}, {"channel", "渠道", 1}, {"channel", "销售渠道", 1}, {"channel", "平台", .7},
    {"channel", "platform", .6}, {"source", "source", .8}, {"source", "来源", .8}, {"source", "feed", .9},
    {"session", "session", 1}, {"session", "sessionid", 1}, {"session", "usersession", 1}, {"session", "会话", 1},
    {"session", "会话id", 1}, {"session", "visitid", .9},
    {"event_id", "eventid", 1}, {"event_id", "messageid", 1}, {"event_id", "事件id", 1},
    {"text", "searchterm", 1}, {"text", "searchquery", 1}, {"text", "query", .8}, {"text", "keyword", .8},
    {"text", "review", .8}, {"text", "reviewtext", 1}, {"text", "comment", .8}, {"text", "搜索词", 1},
    {"text", "关键词", .9}, {"text", "评论内容", 1}, {"text", "评价内容", 1}, {"text", "评论", .8},
    {"url", "url", 1}, {"url", "pageurl", 1}, {"url", "网址", 1}, {"url", "链接", .9}, {"url", "页面地址", 1},
    {"item.name", "description", .9}, {"item.name", "productname", 1}, {"item.name", "itemname", 1},
    {"item.name", "name", .7}, {"item.name", "title", .9}, {"item.name", "producttitle", 1},
    {"item.name", "商品名称", 1}, {"item.name", "商品名", 1}, {"item.name", "产品名称", 1}, {"item.name", "产品名", 1},
    {"item.name", "宝贝标题", 1}, {"item.name", "商品标题", 1}, {"item.name", "品名", 1}, {"item.name", "名称", .8},
    {"item.category", "category", 1}, {"item.category", "categorycode", .95}, {"item.category", "categoryname", 1},
    {"item.category", "categoryid", .8}, {"item.category", "productcategory", 1}, {"item.category", "department", .8},
    {"item.category", "genres", .8}, {"item.category", "类目", 1}, {"item.category", "类别", 1}, {"item.category", "分类", 1},
    {"item.category", "品类", 1}, {"item.category", "商品类别", 1}, {"item.category", "商品类目", 1},
    {"item.category", "商品分类", 1}, {"item.category", "产品类别", 1}, {"item.category", "类目id", .8},
    {"item.category", "商品类型", .8}, {"item.brand", "brand", 1}, {"item.brand", "brandname", 1},
    {"item.brand", "品牌", 1}, {"item.brand", "商品品牌", 1}, {"item.brand", "品牌名称", 1},
    {"customer.country", "country", .9}, {"customer.country", "国家", .9}, {"customer.city", "city", .8},
    {"customer.city", "城市", .9}, {"customer.province", "省份", .9}, {"customer.province", "省", .8},
    {"customer.gender", "gender", .9}, {"customer.gender", "性别", .9}, {"customer.age", "age", .9},
    {"customer.age", "年龄", .9}, {"customer.name", "姓名", .9}, {"customer.name", "客户姓名", 1},
    {"customer.name", "customername", 1},
});

constexpr std::array kItemFields = std::to_array<FieldSynonym>({
    {"id", "id", .9}, {"id", "itemid", 1}, {"id", "productid", 1}, {"id", "sku", 1}, {"id", "skuid", 1},
    {"id", "item", .9}, {"id", "product", .7}, {"id", "stockcode", 1}, {"id", "productcode", 1}, {"id", "movieid", 1},
    {"id", "artistid", .9}, {"id", "articleid", .9}, {"id", "asin", 1}, {"id", "商品id", 1}, {"id", "商品编号", 1},
    {"id", "商品编码", 1}, {"id", "商品代码", 1}, {"id", "产品编号", 1}, {"id", "产品id", 1}, {"id", "货号", 1}, {"id", "编号", .8},
    {"id", "物品id", 1}, {"name", "name", 1}, {"name", "title", 1}, {"name", "itemname", 1}, {"name", "productname", 1},
    {"name", "description", .8}, {"name", "productdisplayname", 1}, {"name", "商品名称", 1}, {"name", "商品名", 1},
    {"name", "产品名称", 1}, {"name", "名称", 1}, {"name", "标题", .9}, {"name", "品名", 1},
    {"category", "category", 1}, {"category", "categoryname", 1}, {"category", "productcategory", 1},
    {"category", "categorycode", .9}, {"category", "categoryid", .8}, {"category", "genres", .9}, {"category", "genre", .9},
    {"category", "department", .8}, {"category", "类目", 1}, {"category", "类别", 1}, {"category", "分类", 1},
    {"category", "品类", 1}, {"category", "商品类别", 1}, {"category", "商品类目", 1}, {"category", "商品分类", 1},
    {"category", "articletype", .8}, {"category", "subcategory", .7},
    {"brand", "brand", 1}, {"brand", "brandname", 1}, {"brand", "manufacturer", .8}, {"brand", "vendor", .7},
    {"brand", "品牌", 1}, {"brand", "商品品牌", 1}, {"price", "price", 1}, {"price", "unitprice", 1},
    {"price", "listprice", .9}, {"price", "价格", 1}, {"price", "单价", 1}, {"price", "售价", 1},
    {"currency", "currency", 1}, {"currency", "币种", 1}, {"stock", "stock", 1}, {"stock", "inventory", 1},
    {"stock", "stockquantity", 1}, {"stock", "onhand", .9}, {"stock", "库存", 1}, {"stock", "库存数量", 1},
    {"time", "time", .8}, {"time", "validfrom", 1}, {"time", "updatedat", .9}, {"time", "timestamp", .8},
    {"time", "更新时间", .9}, {"time", "生效时间", 1}, {"url", "url", 1}, {"url", "link", .8}, {"url", "链接", .9},
});

constexpr std::array kCustomerFields = std::to_array<FieldSynonym>({
    {"id", "id", .9}, {"id", "customerid", 1}, {"id", "userid", 1}, {"id", "customer", 1}, {"id", "user", .9},
    {"id", "memberid", 1}, {"id", "clientid", .9}, {"id", "householdid", 1}, {"id", "personid", 1}, {"id", "uid", .9},
    {"id", "buyerid", 1}, {"id", "accountid", .9}, {"id", "客户id", 1}, {"id", "客户编号", 1}, {"id", "客户", .9},
    {"id", "客户号", 1}, {"id", "用户id", 1}, {"id", "用户编号", 1}, {"id", "用户", .9}, {"id", "会员id", 1},
    {"id", "会员号", 1}, {"id", "会员编号", 1}, {"id", "会员卡号", 1}, {"id", "顾客编号", 1}, {"id", "编号", .7},
    {"anonymous", "anonymousid", 1}, {"anonymous", "deviceid", .8}, {"anonymous", "设备id", .8},
    {"time", "time", .8}, {"time", "updatedat", .9}, {"time", "timestamp", .8}, {"time", "更新时间", .9},
});

}  // namespace

std::span<const TypeSynonym> type_synonyms() { return kTypes; }

std::span<const FieldSynonym> field_synonyms(Kind kind) {
  switch (kind) {
    case Kind::events: return kEventFields;
    case Kind::items: return kItemFields;
    case Kind::customers: return kCustomerFields;
  }
  return kEventFields;
}

std::string name_key(std::string_view column) {
  std::string key = ascii_lower(trim(column));
  for (const std::string_view open : {"(", "（", "["}) {
    if (const std::size_t at = key.find(open); at != key.npos && at > 0) key.resize(at);
  }
  std::erase_if(key, [](char c) { return c == ' ' || c == '_' || c == '-' || c == '.'; });
  return key;
}

}  // namespace attune::events
